/** What a run's page asks for. */

import { useQueries, useQueryClient } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { useEffect, useRef } from 'react';

import { useLive, useSession, useVisible } from '../api/context';
import type { Curve, Environment, FileChange, Model, RunDetail, SnapshotDetail } from '../api/types';
import { addressable } from '../curves/names';
import type { Span } from '../curves/record';

/** How often a curve that grows is asked for. */
const CURVES_MS = 1000;
const N_BUCKETS = 800;

export function useRun(ref: string): UseQueryResult<RunDetail> {
  const { client } = useSession();
  return useLive({
    key: ['run', ref],
    fn: signal => client.get('/runs/{ref}', { path: { ref }, signal }),
    keep: true
  });
}

/** The packages that are installed where the server runs; asked for once, and again where somebody looks again. */
export function useHere(): UseQueryResult<Environment> {
  const { client } = useSession();
  return useLive({ key: ['environment'], fn: signal => client.get('/environment', { signal }) });
}

export function useModels(): UseQueryResult<readonly Model[]> {
  const { client } = useSession();
  return useLive({ key: ['models'], fn: () => client.models() });
}

/**
 * The curves of some groups of metrics, one request for each group. `stamp` changes when the run does: they are asked
 * for again then, at most once a second, however many points a second the run logs.
 */
export function useCurves(
  run: string,
  groups: readonly (readonly string[])[],
  axis: 'step' | 'time',
  stamp: number
): ReadonlyMap<string, Curve> {
  const { client } = useSession();
  const visible = useVisible();
  const queries = useQueryClient();
  useThrottled(stamp, CURVES_MS, () => {
    const queryKey = ['run-curves', run];
    if (queries.isFetching({ queryKey })) {
      return false; // not cancelled for a newer one: a slow answer would never come while points do
    }
    void queries.invalidateQueries({ queryKey });
    return true;
  });
  return useQueries({
    queries: groups.map(keys => ({
      queryKey: ['run-curves', run, axis, ...keys],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        client.get('/runs/{ref}/curves', {
          path: { ref: run },
          query: { keys: named(keys), buckets: N_BUCKETS, axis },
          signal
        }),
      enabled: visible && keys.length > 0
    })),
    combine: byName
  });
}

/** A part of some curves, at the resolution of a chart: nothing where no part is asked for. It is live as the curves are. */
export function useCurvePart(
  run: string,
  keys: readonly string[],
  axis: 'step' | 'time',
  span: Span | null
): ReadonlyMap<string, Curve> {
  const { client } = useSession();
  const visible = useVisible();
  return useQueries({
    queries: (span && keys.length ? [span] : []).map(([first, last]) => ({
      queryKey: ['run-curves', run, axis, 'part', first, last, ...keys],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) =>
        client.get('/runs/{ref}/curves', {
          path: { ref: run },
          query: { keys: named(keys), buckets: N_BUCKETS, axis, first, last },
          signal
        }),
      enabled: visible
    })),
    combine: byName
  });
}

function named(keys: readonly string[]): string {
  return keys.map(addressable).join(',');
}

/** Made here and not in the hook, so that it is called only when an answer came. */
function byName(
  results: readonly { readonly data: { readonly items: readonly Curve[] } | undefined }[]
): ReadonlyMap<string, Curve> {
  return new Map(
    results.flatMap(({ data }) => (data?.items ?? []).map(curve => [curve.key, curve] as const))
  );
}

/** Do something when a value changes: at once, then at most once every `restMs`; later where it could not be done. */
function useThrottled(value: number, restMs: number, act: () => boolean): void {
  const newest = useRef(act);
  const state = useRef<{ seen: number; at: number; timer: ReturnType<typeof setTimeout> | null }>({
    seen: value,
    at: 0,
    timer: null
  });
  useEffect(() => {
    newest.current = act;
  });
  useEffect(() => {
    const now = state.current;
    if (value === now.seen || now.timer !== null) {
      return; // what is done later sees this value, too
    }
    now.seen = value;
    const wait = (): void => {
      now.timer = setTimeout(
        () => {
          now.timer = null;
          now.at = performance.now();
          if (!newest.current()) {
            wait();
          }
        },
        Math.max(0, now.at + restMs - performance.now())
      );
    };
    wait();
  }, [value, restMs]);
  useEffect(() => {
    const now = state.current;
    return () => {
      if (now.timer !== null) {
        clearTimeout(now.timer);
        now.timer = null;
      }
    };
  }, []);
}

export function useSnapshot(ref: string): UseQueryResult<SnapshotDetail> {
  const { client } = useSession();
  return useLive({
    key: ['snapshots', ref],
    fn: signal => client.get('/snapshots/{ref}', { path: { ref }, signal }),
    enabled: ref !== ''
  });
}

/** How the source differs: of another run from this one, or, without one, of the folder as it is now from the snapshot. */
export function useChanges(
  run: string,
  snapshot: string,
  other: string | null,
  enabled: boolean
): UseQueryResult<{ readonly changes: readonly FileChange[]; readonly notes: readonly string[] }> {
  const { client } = useSession();
  return useLive({
    key: other === null ? ['folder-now', snapshot] : ['run-code', run, other],
    fn: async signal => {
      if (other === null) {
        const { items } = await client.get('/snapshots/{ref}/diff', { path: { ref: snapshot }, signal });
        return { changes: items, notes: [] };
      }
      const query = { base: run, run: other };
      const { changes, notes } = await client.get('/comparison/code/diff', { query, signal });
      return { changes, notes };
    },
    enabled
  });
}

/** A file that a run stored. */
export function useArtifact(run: string, path: string, enabled = true): UseQueryResult<Blob> {
  const { client } = useSession();
  return useLive({
    key: ['run-artifact', run, path],
    fn: () => client.artifact(run, path),
    enabled: enabled && path !== ''
  });
}
