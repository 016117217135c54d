/** What a comparison asks of each run. */

import type { AbsentRun, CodeVersion, Curve, Packages, Run, UsedData } from '../api/types';
import type { Zoom } from '../curves/model';
import { addressable } from '../curves/names';
import { spanOf } from '../curves/record';
import type { Span } from '../curves/record';
import { useEach } from './each';
import type { Each } from './each';

/** A run, or why it cannot be shown; and which of its metrics are the better the lower, as far as names tell. */
export interface FoundRun {
  readonly run: Run | null;
  readonly absent: AbsentRun | null;
  readonly lower: readonly string[];
}

export function useRuns(ids: readonly string[]): Each<FoundRun> {
  return useEach<FoundRun>(ids, 'run', client => async some => {
    const found = await client.get('/comparison/runs', { query: { runs: some.join(',') } });
    // Who wrote a subject by hand may have named runs by names or beginnings of ids: the order tells which is which.
    const absent = new Map(found.absent.map(one => [one.ref, one]));
    const byId = new Map(found.runs.map(run => [run.id, run]));
    const rest = found.runs.filter(run => !some.includes(run.id));
    return new Map(
      some.map(id => {
        const gone = absent.get(id) ?? null;
        const run = gone ? null : (byId.get(id) ?? rest.shift() ?? null);
        return [id, { run, absent: gone, lower: found.lower_is_better }] as const;
      })
    );
  });
}

export function useCurves(
  ids: readonly string[],
  key: string,
  axis: 'step' | 'time',
  nBuckets: number
): Each<Curve> {
  return useEach<Curve>(ids, `curve ${axis} ${nBuckets} ${key}`, client => async some => {
    const query = { runs: some.join(','), key: addressable(key), axis, buckets: nBuckets };
    const { items } = await client.get('/comparison/curves', { query });
    return new Map(items.map(({ run, curve }) => [run, curve]));
  });
}

/**
 * A part of some runs' curves, at the resolution of a chart: its first and last place, from each curve's origin on. Where
 * all have the same origin they are asked for together.
 */
export function useCurveParts(
  origins: ReadonlyMap<string, number>,
  key: string,
  axis: 'step' | 'time',
  nBuckets: number,
  zoom: Zoom | null
): Each<Curve> {
  const ids = zoom ? [...origins.keys()] : [];
  const isOne = new Set(origins.values()).size === 1;
  const spanOfRun = (id: string): Span => spanOf(zoom ?? [0, 0], origins.get(id) ?? 0);
  const spans = isOne ? spanOfRun(ids[0] ?? '').join(' ') : (zoom ?? []).join(' ');
  return useEach<Curve>(ids, `part ${axis} ${nBuckets} ${spans} ${key}`, client => async some => {
    const ask = async (runs: readonly string[]): Promise<readonly (readonly [string, Curve])[]> => {
      const [first, last] = spanOfRun(runs[0] ?? '');
      const asked = { runs: runs.join(','), key: addressable(key), axis };
      const query = { ...asked, buckets: nBuckets, first, last };
      const { items } = await client.get('/comparison/curves', { query });
      return items.map(({ run, curve }) => [run, curve] as const);
    };
    const answers = await Promise.all(isOne ? [ask(some)] : some.map(id => ask([id])));
    return new Map(answers.flat());
  });
}

export function useData(ids: readonly string[]): Each<UsedData> {
  return useEach<UsedData>(ids, 'data', client => async some => {
    const { items } = await client.get('/comparison/data', { query: { runs: some.join(',') } });
    return new Map(items.flatMap(one => one.runs.map(id => [id, one] as const)));
  });
}

export function useCode(ids: readonly string[]): Each<CodeVersion> {
  return useEach<CodeVersion>(ids, 'code', client => async some => {
    const { items } = await client.get('/comparison/code', { query: { runs: some.join(',') } });
    return new Map(items.flatMap(version => version.runs.map(id => [id, version] as const)));
  });
}

export function usePackages(ids: readonly string[]): Each<Packages> {
  return useEach<Packages>(ids, 'packages', client => async some => {
    const { items } = await client.get('/comparison/packages', { query: { runs: some.join(',') } });
    return new Map(items.flatMap(one => one.runs.map(id => [id, one] as const)));
  });
}

/** Runs in groups of the same kind, the base's group first. */
export interface Group<T> {
  readonly id: string;
  readonly value: T;
  readonly runs: readonly string[];
}

/** Put runs together of which the same was answered, in whatever part of the answer. */
export function grouped<T extends { readonly id: string }>(
  ids: readonly string[],
  values: ReadonlyMap<string, T>,
  base: string
): readonly Group<T>[] {
  const groups = new Map<string, { id: string; value: T; runs: string[] }>();
  for (const id of [base, ...ids.filter(one => one !== base)]) {
    const value = values.get(id);
    if (value) {
      const group = groups.get(value.id) ?? { id: value.id, value, runs: [] };
      group.runs.push(id);
      groups.set(value.id, group);
    }
  }
  return [...groups.values()];
}
