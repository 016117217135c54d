/** What the view of a model knows without drawing: which version is meant, what a sample looks like, what rows are seen. */

import type { Activity, Model, ModelSchema, ModelVersion, MetricValue } from '../api/types';
import { matcher } from '../common/filter';

/** `churn`, `churn:3` or `churn@champion`. */
export interface Subject {
  readonly name: string;
  readonly version: number | null;
  readonly alias: string | null;
}

/** What a subject may mean, the likelier first: names that other programs gave may have an @ of their own. */
export function readSubject(subject: string): readonly [Subject, Subject?] {
  const [, named = subject, number] = /^([^:]+):(.*)$/s.exec(subject) ?? [];
  if (number !== undefined) {
    return [{ name: named, version: /^\d+$/.test(number) ? Number(number) : null, alias: null }];
  }
  const whole = { name: subject, version: null, alias: null };
  const [, name, alias] = /^(.+)@([^@]*)$/s.exec(subject) ?? [];
  return name === undefined ? [whole] : [whole, { name, version: null, alias: alias ?? '' }];
}

/** The version that is meant, else the newest; null of a model without versions. */
export function meant(
  model: Model,
  { version, alias }: Pick<Subject, 'version' | 'alias'>
): ModelVersion | null {
  const wanted = alias === null ? version : (model.aliases[alias] ?? null);
  return model.versions.find(one => one.version === wanted) ?? model.versions[0] ?? null;
}

/** What was asked for and is not there: `:9`, `@gone`. */
export function missed(model: Model, { version, alias }: Pick<Subject, 'version' | 'alias'>): string | null {
  if (alias !== null) {
    return alias in model.aliases ? null : `@${alias}`;
  }
  return version === null || model.versions.some(one => one.version === version) ? null : `:${version}`;
}

/** Versions that hold every word of a filter. */
export function filtered(versions: readonly ModelVersion[], filter: string): readonly ModelVersion[] {
  if (!filter.trim()) {
    return versions;
  }
  const passes = matcher(filter);
  return versions.filter(one =>
    passes(
      `v${one.version}`,
      ...one.aliases.map(alias => `@${alias}`),
      ...Object.entries(one.tags).map(([key, value]) => `${key}=${value}`),
      ...one.services,
      one.flavor,
      one.created_by,
      one.run_id ?? '',
      one.description
    )
  );
}

/** Which rows of a list are seen: those in view and some around them. */
export function windowOf(
  nRows: number,
  rowHeight: number,
  scrollTop: number,
  height: number
): { readonly first: number; readonly end: number } {
  const around = 6;
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - around);
  // A height of nothing is that of a page that is not laid out yet.
  const seen = Math.ceil((height || 800) / rowHeight);
  return { first: Math.min(first, nRows), end: Math.min(nRows, first + seen + 2 * around) };
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly unknown[])[];
}

/** A request body as a table, where its form is one; null for tensors and anything else. */
export function tableOf(sample: unknown): Table | null {
  if (!isRecord(sample)) {
    return null;
  }
  const split = sample.dataframe_split;
  if (isRecord(split) && Array.isArray(split.columns) && isRows(split.data)) {
    return { columns: split.columns.map(String), rows: split.data };
  }
  for (const key of ['dataframe_records', 'instances', 'inputs', 'data']) {
    const records = sample[key];
    if (Array.isArray(records) && records.length && records.every(isRecord)) {
      const columns = [...new Set(records.flatMap(record => Object.keys(record)))];
      return { columns, rows: records.map(record => columns.map(column => record[column])) };
    }
    if (isRows(records) && records.every(row => row.every(cell => typeof cell !== 'object'))) {
      return { columns: (records[0] ?? []).map((_, at) => String(at)), rows: records };
    }
  }
  return null;
}

function isRows(value: unknown): value is readonly (readonly unknown[])[] {
  return Array.isArray(value) && value.length > 0 && value.every(Array.isArray);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface Slot {
  readonly name: string;
  readonly type: string;
  readonly shape: string;
  readonly isRequired: boolean;
}

/** The inputs or outputs of a signature, columns and tensors alike. */
export function slotsOf(schema: ModelSchema, side: 'inputs' | 'outputs'): readonly Slot[] {
  const columns = side === 'inputs' ? schema.columns : schema.output_columns;
  const tensors = side === 'inputs' ? schema.tensors : schema.output_tensors;
  return [
    ...columns.map(({ name, type, required }) => ({ name, type, shape: '', isRequired: required })),
    ...tensors.map(({ name, dtype, shape }) => ({
      name,
      type: dtype,
      shape: `(${shape.map(n => (n < 0 ? '*' : n)).join(', ')})`,
      isRequired: true
    }))
  ];
}

/** What goes on with a thing, or ended last: `image churn:1`. Newest first as the server lists them. */
export function lastOf(activities: readonly Activity[], subject: string): Activity | null {
  return activities.find(one => one.subject === subject) ?? null;
}

/** What the test of an image found, from its activity's result. */
export interface TrialFound {
  readonly ready_s: number;
  readonly median_ms: number | null;
  readonly same: boolean | null;
  readonly difference: string;
}

export function trialOf(activity: Activity): TrialFound | null {
  const { ready_s, median_ms, same, difference } = activity.result as Readonly<Record<string, unknown>>;
  if (activity.verb !== 'images.test' || typeof ready_s !== 'number') {
    return null;
  }
  return {
    ready_s,
    median_ms: typeof median_ms === 'number' ? median_ms : null,
    same: typeof same === 'boolean' ? same : null,
    difference: typeof difference === 'string' ? difference : ''
  };
}

/** Split where a folder is to be made: `data/churn-3` into `data` and `churn-3`. */
export function splitFolder(path: string): { readonly inside: string; readonly name: string } {
  const parts = path.split('/').filter(Boolean);
  return { inside: parts.slice(0, -1).join('/'), name: parts.at(-1) ?? '' };
}

/** A digest short enough to be told from others by eye. */
export function short(digest: string): string {
  return digest.slice(0, 12);
}

/** Metrics by name, the run's own before those of the machine. */
export function ownMetrics(
  metrics: Readonly<Record<string, MetricValue>>
): readonly (readonly [string, MetricValue])[] {
  return Object.entries(metrics)
    .filter(([name]) => !name.startsWith('system/'))
    .sort(([a], [b]) => a.localeCompare(b));
}

/** The numbers of versions by the run that they come from, oldest first. */
export function byRun(
  versions: readonly Pick<ModelVersion, 'version' | 'run_id'>[]
): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const { version, run_id } of [...versions].sort((a, b) => a.version - b.version)) {
    if (run_id !== null) {
      found.set(run_id, [...(found.get(run_id) ?? []), version]);
    }
  }
  return found;
}
