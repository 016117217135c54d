/** A run as its page shows it. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { MetricValue, Model, ModelVersion, Run, RunDetail } from '../api/types';
import type { XAxis } from '../curves/model';

const SYSTEM = 'system/';
export const NOTE_TAG = 'mlflow.note.content';

export function isLive(run: Run): boolean {
  return run.status === 'RUNNING' || run.status === 'SCHEDULED';
}

/** Return the names of a run's metrics: those of its own code first, then what MLflow measured of the machine. */
export function metricNames(metrics: Readonly<Record<string, MetricValue>>): readonly string[] {
  const names = Object.keys(metrics);
  const order = new Intl.Collator(undefined, { numeric: true });
  const sorted = names.sort((a, b) => order.compare(a, b));
  return [
    ...sorted.filter(name => !name.startsWith(SYSTEM)),
    ...sorted.filter(name => name.startsWith(SYSTEM))
  ];
}

/** Return the names that have every word of a search in them. */
export function found(names: readonly string[], search: string): readonly string[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return words.length ? names.filter(name => words.every(word => name.toLowerCase().includes(word))) : names;
}

/** Return what of a list lies between two places, in parts of `size` that begin where they do for any other two. */
export function batches<T>(
  list: readonly T[],
  first: number,
  end: number,
  size: number
): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let at = first - (first % size); at < Math.min(end, list.length); at += size) {
    parts.push(list.slice(at, at + size));
  }
  return parts;
}

/** Return the tags that a person set: those of MLflow and ours say what the page says already. */
export function ownTags(run: Run): readonly (readonly [string, string])[] {
  return Object.entries(run.tags).filter(([key]) => !/^(mlflow|mlops)\./.test(key));
}

export function noteOf(run: Run): string {
  return run.tags[NOTE_TAG] ?? '';
}

/** Return the model versions that were registered from a run, newest first. */
export function versionsOf(models: readonly Model[], runId: string): readonly ModelVersion[] {
  return models
    .flatMap(model => model.versions)
    .filter(version => version.run_id === runId)
    .sort((a, b) => b.created_at - a.created_at);
}

/** Return what keeps a person from each verb, in their words; null where nothing does. */
export function refusals(
  detail: RunDetail,
  versions: readonly ModelVersion[],
  lookOnly: string | null,
  trans: TranslationBundle
): Readonly<Record<'cancel' | 'reproduce' | 'register' | 'deploy' | 'restore', string | null>> {
  const { run, snapshot } = detail;
  const noSnapshot = snapshot ? null : trans.__('It was run without a snapshot.');
  const running = isLive(run) ? trans.__('It has not ended yet.') : null;
  return {
    cancel: lookOnly ?? (isLive(run) ? null : trans.__('It has ended already.')),
    reproduce: lookOnly ?? running ?? noSnapshot,
    register: lookOnly ?? running,
    deploy: lookOnly ?? (versions.length ? null : trans.__('Register a model of this run first.')),
    restore: lookOnly ?? noSnapshot
  };
}

/** Return where a run's curves count their places from: what the server calls 0, or the run's start, in ms since the epoch. */
export function originOf(run: Run, axis: XAxis): number {
  return axis === 'elapsed' ? run.started_at * 1000 : 0;
}

/** Read names that were kept. */
export function readNames(stored: unknown): readonly string[] {
  return Array.isArray(stored) ? stored.filter(one => typeof one === 'string') : [];
}

/** Return the names with one more, or without it if it was among them. */
export function toggled(names: readonly string[], name: string): readonly string[] {
  return names.includes(name) ? names.filter(one => one !== name) : [...names, name];
}

/** Rows and columns of data, where a profile has them. */
export function shapeOf(profile: string): string {
  try {
    const { num_rows: rows, num_elements: elements } = JSON.parse(profile) as Record<string, unknown>;
    return typeof rows === 'number' && typeof elements === 'number' && rows > 0
      ? `${rows.toLocaleString()} × ${(elements / rows).toLocaleString()}`
      : '';
  } catch {
    return '';
  }
}

/** Return the version control's state in one line. */
export function gitText(detail: RunDetail, trans: TranslationBundle): string {
  const { git } = detail;
  if (!git?.commit) {
    return '';
  }
  const commit = [git.commit.slice(0, 12), git.branch].filter(Boolean).join(' ');
  return git.dirty ? trans.__('%1, with uncommitted changes', commit) : commit;
}

export interface PackageRow {
  readonly name: string;
  readonly mine: string;
  readonly other: string;
}

/** Return how the packages of two environments differ: first those of another version, then those that one lacks, by name. */
export function packageDiff(
  mine: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>
): readonly PackageRow[] {
  const rows = [...new Set([...Object.keys(mine), ...Object.keys(other)])]
    .sort()
    .filter(name => mine[name] !== other[name])
    .map(name => ({ name, mine: mine[name] ?? '', other: other[name] ?? '' }));
  const isInBoth = (row: PackageRow): boolean => row.mine !== '' && row.other !== '';
  return [...rows.filter(isInBoth), ...rows.filter(row => !isInBoth(row))];
}
