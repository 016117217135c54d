/** Runs side by side: which parameters differ, which values are best, and in which order the runs stand. */

import type { MetricValue, Run } from '../api/types';

export type Direction = 'higher' | 'lower';

/** What the columns are ordered by; null is the order in which the runs were named. */
export interface Order {
  readonly kind: 'param' | 'metric';
  readonly name: string;
  readonly descending: boolean;
}

export interface ParamLine {
  readonly kind: 'param';
  readonly name: string;
  readonly values: readonly (string | undefined)[];
  readonly differs: boolean;
}

export interface MetricLine {
  readonly kind: 'metric';
  readonly name: string;
  readonly values: readonly (MetricValue | undefined)[];
  readonly differs: boolean;
  readonly direction: Direction;
  /** Which runs have the best value, by index: none where all are equal or only one has a number. */
  readonly best: ReadonlySet<number>;
}

/** What MLflow measures of the machine is no result. */
const SYSTEM = 'system/';

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

/** Return the ids in a subject, each once. */
export function idsOf(subject: string): readonly string[] {
  const ids = subject
    .split(',')
    .map(id => id.trim())
    .filter(Boolean);
  return [...new Set(ids)];
}

/** Return all parameters of the runs: those that differ first, then by name. */
export function paramLines(runs: readonly Run[]): readonly ParamLine[] {
  const lines = namesOf(runs.map(run => run.params)).map((name): ParamLine => {
    const values = runs.map(run => run.params[name]);
    return { kind: 'param', name, values, differs: new Set(values).size > 1 };
  });
  return [...lines.filter(line => line.differs), ...lines.filter(line => !line.differs)];
}

/** Return the metrics of the runs by name; those of the machine only where `all` are asked for, and last. */
export function metricLines(
  runs: readonly Run[],
  directionOf: (name: string) => Direction,
  all = true
): readonly MetricLine[] {
  const names = namesOf(runs.map(run => run.metrics));
  const ours = names.filter(name => !name.startsWith(SYSTEM));
  const shown = all ? [...ours, ...names.filter(name => name.startsWith(SYSTEM))] : ours;
  return shown.map(name => {
    const values = runs.map(run => run.metrics[name]);
    const direction = directionOf(name);
    const differs = new Set(values).size > 1;
    return { kind: 'metric', name, values, differs, direction, best: bestOf(values, direction) };
  });
}

/** Return which values are best. NaN never is; infinities may be. */
export function bestOf(
  values: readonly (MetricValue | undefined)[],
  direction: Direction
): ReadonlySet<number> {
  const numbers = values.map(numberOf);
  const known = numbers.filter(number => !Number.isNaN(number));
  if (known.length < 2) {
    return new Set();
  }
  const pick = direction === 'lower' ? Math.min : Math.max;
  const best = known.reduce((a, b) => pick(a, b));
  if (known.every(number => number === best)) {
    return new Set();
  }
  return new Set(numbers.flatMap((number, index) => (number === best ? [index] : [])));
}

/** A metric as a number; NaN where there is none. */
export function numberOf(value: MetricValue | undefined): number {
  return value === undefined ? NaN : Number(value);
}

/** By how much a value is above (+) or below the base's, and whether that is for the better. Null where neither means anything. */
export function change(
  value: MetricValue | undefined,
  base: MetricValue | undefined,
  direction: Direction
): { readonly by: number; readonly better: boolean } | null {
  const by = numberOf(value) - numberOf(base);
  return Number.isFinite(by) && by !== 0 ? { by, better: by > 0 === (direction === 'higher') } : null;
}

/** Return the runs in the order asked for, the base first of all. What has no value comes last. */
export function inOrder(runs: readonly Run[], order: Order | null, base: string): readonly Run[] {
  const sorted = order ? [...runs].sort(comparer(order)) : runs;
  return [...sorted.filter(run => run.id === base), ...sorted.filter(run => run.id !== base)];
}

function comparer({ kind, name, descending }: Order): (a: Run, b: Run) => number {
  const sign = descending ? -1 : 1;
  const valueOf = (run: Run): string | number | undefined =>
    kind === 'param' ? run.params[name] : run.metrics[name];
  return (a, b) => {
    const [left, right] = [valueOf(a), valueOf(b)];
    if (missing(left) || missing(right)) {
      return Number(missing(left)) - Number(missing(right));
    }
    const [x, y] = [readNumber(left), readNumber(right)];
    if (x === null || y === null) {
      return sign * byName(String(left), String(right));
    }
    return x === y ? 0 : sign * (x < y ? -1 : 1);
  };
}

function missing(value: string | number | undefined): boolean {
  return value === undefined || value === 'NaN';
}

const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i;
const INFINITE = /^\s*([+-]?)inf(inity)?\s*$/i;

/** Read what a person wrote as a parameter; null where it is no number. */
export function readNumber(value: string | number | undefined): number | null {
  if (value === undefined || typeof value === 'number') {
    return value ?? null;
  }
  const infinite = INFINITE.exec(value);
  if (infinite) {
    return infinite[1] === '-' ? -Infinity : Infinity;
  }
  return NUMBER.test(value) ? Number(value) : null;
}

/** Return the runs' names; with the beginning of the id where two have the same. */
export function labelsOf(runs: readonly Run[]): ReadonlyMap<string, string> {
  const times = new Map<string, number>();
  runs.forEach(run => times.set(run.name, (times.get(run.name) ?? 0) + 1));
  return new Map(
    runs.map(run => [
      run.id,
      (times.get(run.name) ?? 0) > 1 ? `${run.name} ${run.id.slice(0, 6)}` : run.name || run.id.slice(0, 8)
    ])
  );
}

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Return a text of at most `most` letters as a person counts them, on one line. */
export function shorten(text: string, most: number): string {
  // No letter takes more than some dozens of code units; a name may have ten thousand.
  const flat = text.slice(0, most * 40).replace(/\s+/g, ' ');
  const letters = [...GRAPHEMES.segment(flat)];
  if (letters.length <= most && flat.length === text.replace(/\s+/g, ' ').length) {
    return flat;
  }
  return `${letters
    .slice(0, most - 1)
    .map(letter => letter.segment)
    .join('')}…`;
}

function namesOf(columns: readonly Readonly<Record<string, unknown>>[]): readonly string[] {
  return [...new Set(columns.flatMap(column => Object.keys(column)))].sort(byName);
}
