/** A run as its page shows it. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Curve, MetricValue, Model, ModelVersion, Run, RunDetail, RunStatus } from '../api/types';
import type { Line, XAxis } from '../curves/model';
import type { Tone } from '../common/icons';

export const TONES: Readonly<Record<RunStatus, Tone>> = {
  SCHEDULED: 'quiet',
  RUNNING: 'busy',
  FINISHED: 'good',
  FAILED: 'bad',
  KILLED: 'warn'
};

const SYSTEM = 'system/';
export const NOTE_TAG = 'mlflow.note.content';

export function isLive(run: Run): boolean {
  return run.status === 'RUNNING' || run.status === 'SCHEDULED';
}

export function statusText(status: RunStatus, trans: TranslationBundle): string {
  return {
    SCHEDULED: trans.__('scheduled'),
    RUNNING: trans.__('running'),
    FINISHED: trans.__('finished'),
    FAILED: trans.__('failed'),
    KILLED: trans.__('killed')
  }[status];
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
  canWrite: boolean,
  trans: TranslationBundle
): Readonly<Record<'cancel' | 'reproduce' | 'register' | 'deploy' | 'restore', string | null>> {
  const { run, snapshot } = detail;
  const read = canWrite ? null : trans.__('This server lets you only look.');
  const noSnapshot = snapshot ? null : trans.__('It was run without a snapshot.');
  const running = isLive(run) ? trans.__('It has not ended yet.') : null;
  return {
    cancel: read ?? (isLive(run) ? null : trans.__('It has ended already.')),
    reproduce: read ?? running ?? noSnapshot,
    register: read ?? running,
    deploy: read ?? (versions.length ? null : trans.__('Register a model of this run first.')),
    restore: read ?? noSnapshot
  };
}

function numberOf(value: MetricValue): number {
  return typeof value === 'number' ? value : Number(value);
}

/** Return a curve as a chart draws it. `startedAt` is in seconds since the epoch. */
export function lineOf(curve: Curve, axis: XAxis, startedAt: number): Line {
  const from = axis === 'elapsed' ? startedAt * 1000 : 0;
  const line = {
    id: curve.key,
    label: curve.key,
    x: Float64Array.from(curve.at, at => at - from),
    y: Float64Array.from(curve.last, numberOf)
  };
  // Where each entry is one point there is no band, also where that is no number.
  return curve.n_points > line.x.length
    ? {
        ...line,
        low: Float64Array.from(curve.low, numberOf),
        high: Float64Array.from(curve.high, numberOf)
      }
    : line;
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

/** Return how the packages of two environments differ, by name. */
export function packageDiff(
  mine: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>
): readonly PackageRow[] {
  return [...new Set([...Object.keys(mine), ...Object.keys(other)])]
    .sort()
    .filter(name => mine[name] !== other[name])
    .map(name => ({ name, mine: mine[name] ?? '', other: other[name] ?? '' }));
}
