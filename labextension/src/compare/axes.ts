/**
 * Axes of parallel coordinates and scatter: where a run's value lies on a line from 0 to 1.
 *
 * What has no place among numbers is not dropped: +∞ lies above them, and −∞, what is not positive (on a
 * logarithmic axis), NaN and "none" lie below, each at a place of its own with its own label.
 */

import type { Run } from '../api/types';
import { metric } from '../common/format';
import { readNumber, shorten } from './model';

export type Scale = 'linear' | 'log' | 'categories';

/** What an axis shows of a run. `fact` names are `took` and `started`. */
export interface Source {
  readonly kind: 'param' | 'metric' | 'fact';
  readonly name: string;
}

export interface Tick {
  readonly at: number;
  readonly label: string;
}

export interface Axis {
  readonly source: Source;
  readonly scale: Scale;
  /** Which scales make sense for these values. */
  readonly scales: readonly Scale[];
  readonly ticks: readonly Tick[];
  /** Where a value lies, from 0 (bottom or left) to 1. */
  readonly place: (value: Value) => number;
}

/** A parameter, or a metric as it travels: a number or the name of what is none. */
export type Value = string | number | undefined;

const DAY = 86_400;

/** The room of each place for what is no number among the others, and the gap between those and the numbers. */
const SLOT = 0.07;
const MOST_TICKS = 7;
const MOST_LABELS = 30;

export function keyOf(source: Source): string {
  return `${source.kind}:${source.name}`;
}

/** Return what a run has on an axis. */
export function valueOf(run: Run, source: Source): Value {
  if (source.kind === 'param') {
    return run.params[source.name];
  }
  if (source.kind === 'metric') {
    return run.metrics[source.name];
  }
  return source.name === 'started' ? run.started_at : (run.duration_s ?? undefined);
}

/** Return a value as text, for a tooltip. */
export function textOf(value: Value, source: Source): string {
  if (value === undefined) {
    return '–';
  }
  if (source.kind === 'fact' && source.name === 'started' && typeof value === 'number') {
    return moment(value);
  }
  return typeof value === 'number' ? metric(value) : shorten(value, 60);
}

/** Return an axis for these values; the scale is guessed from them unless one is asked for that makes sense. */
export function makeAxis(source: Source, values: readonly Value[], asked?: Scale): Axis {
  const scales = scalesOf(values);
  const guess = scales.includes('log') && isWide(values) && source.kind !== 'fact' ? 'log' : scales[0];
  const scale = asked && scales.includes(asked) ? asked : (guess ?? 'categories');
  return scale === 'categories' ? categories(source, values, scales) : numbers(source, values, scale, scales);
}

function scalesOf(values: readonly Value[]): readonly Scale[] {
  const texts = values.filter(value => value !== undefined && value !== 'NaN');
  const read = texts.map(readNumber);
  const finite = read.filter(number => number !== null && Number.isFinite(number));
  if (read.includes(null) || !finite.length) {
    return ['categories'];
  }
  return finite.some(number => (number ?? 0) > 0)
    ? ['linear', 'log', 'categories']
    : ['linear', 'categories'];
}

/** Whether values span so much that on a linear axis the small ones would lie on each other. */
function isWide(values: readonly Value[]): boolean {
  const finite = finiteOf(values);
  const [low, high] = extent(finite);
  return low > 0 && high / low >= 1000;
}

function finiteOf(values: readonly Value[]): readonly number[] {
  return values
    .map(readNumber)
    .filter((number): number is number => number !== null && Number.isFinite(number));
}

function extent(numbers: readonly number[]): readonly [number, number] {
  return [
    numbers.reduce((a, b) => Math.min(a, b), Infinity),
    numbers.reduce((a, b) => Math.max(a, b), -Infinity)
  ];
}

type Odd = 'none' | 'NaN' | '-inf' | 'nonpositive';

const ODD_LABELS: Readonly<Record<Odd, string>> = { none: '–', NaN: 'NaN', '-inf': '−∞', nonpositive: '≤ 0' };
const ODDS: readonly Odd[] = ['none', 'NaN', '-inf', 'nonpositive'];

function oddOf(value: Value, scale: Scale): Odd | null {
  if (value === undefined) {
    return 'none';
  }
  const number = readNumber(value);
  if (number === null) {
    return 'NaN';
  }
  if (number === -Infinity) {
    return '-inf';
  }
  return scale === 'log' && number <= 0 ? 'nonpositive' : null;
}

function numbers(source: Source, values: readonly Value[], scale: Scale, scales: readonly Scale[]): Axis {
  const odds = ODDS.filter(odd => values.some(value => oddOf(value, scale) === odd));
  const endless = values.some(value => readNumber(value) === Infinity);
  const bottom = odds.length ? odds.length * SLOT + SLOT / 2 : 0;
  const top = endless ? 1 - 1.5 * SLOT : 1;
  const placed = finiteOf(values).filter(number => scale !== 'log' || number > 0);
  const warp = scale === 'log' ? Math.log10 : (number: number): number => number;
  const [least, most] = extent(placed);
  const steps =
    scale === 'log' ? logSteps(least, most) : linearSteps(least, most, placed.every(Number.isInteger));
  const low = Math.min(least, steps[0] ?? least);
  const high = Math.max(most, steps[steps.length - 1] ?? most);
  const share = between(warp(low), warp(high));
  const inside = (number: number): number => bottom + (top - bottom) * share(warp(number));
  const oddPlace = (odd: Odd): number => SLOT / 2 + odds.indexOf(odd) * SLOT;
  const isTime = source.kind === 'fact' && source.name === 'started';
  const write = isTime
    ? (step: number) => momentText(step, (steps[1] ?? step) - (steps[0] ?? step), high - low)
    : tickText;
  return {
    source,
    scale,
    scales,
    place: value => {
      const odd = oddOf(value, scale);
      const number = readNumber(value) ?? NaN;
      return odd ? oddPlace(odd) : number === Infinity ? 1 : Math.min(top, Math.max(bottom, inside(number)));
    },
    ticks: [
      ...odds.map(odd => ({ at: oddPlace(odd), label: ODD_LABELS[odd] })),
      ...steps.map(step => ({ at: inside(step), label: write(step) })),
      ...(endless ? [{ at: 1, label: '∞' }] : [])
    ]
  };
}

/** Return where a number lies between two; in the middle when they are the same. */
function between(low: number, high: number): (number: number) => number {
  // Halves: the span of huge numbers has no number.
  const span = high / 2 - low / 2;
  return number => (span > 0 ? (number / 2 - low / 2) / span : 0.5);
}

/** Return round numbers of which the first and the last enclose a range; whole ones alone where `whole`. */
export function linearSteps(low: number, high: number, whole = false): readonly number[] {
  if (!(high > low)) {
    return Number.isFinite(low) ? [low] : [];
  }
  const rough = (high / 2 - low / 2) / (MOST_TICKS / 2);
  const power = 10 ** Math.floor(Math.log10(rough));
  const round = power * ([1, 2, 5, 10].find(times => times * power >= rough) ?? 10);
  const step = whole ? Math.max(1, round) : round;
  const first = Math.floor(low / step);
  const nSteps = Math.ceil(high / step) - first;
  // Numbers so huge, or so near to each other, that there are no round ones between them.
  if (!Number.isFinite(step * (first + nSteps)) || !(step > 0) || nSteps < 1 || nSteps > 2 * MOST_TICKS) {
    return [low, high];
  }
  return Array.from({ length: nSteps + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** A number beside an axis, without zeros that say nothing. */
function tickText(value: number): string {
  return metric(value).replace(/\.?0+e/, 'e');
}

function logSteps(low: number, high: number): readonly number[] {
  if (!(high > low)) {
    return Number.isFinite(low) ? [low] : [];
  }
  const first = Math.ceil(Math.log10(low));
  const nPowers = Math.floor(Math.log10(high)) - first + 1;
  if (nPowers < 2) {
    return [low, high];
  }
  const skip = Math.ceil(nPowers / MOST_TICKS);
  return Array.from({ length: Math.ceil(nPowers / skip) }, (_, index) => Number(`1e${first + index * skip}`));
}

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

function categories(source: Source, values: readonly Value[], scales: readonly Scale[]): Axis {
  const names = [...new Set(values.filter(value => value !== undefined).map(String))].sort(byName);
  const all = values.includes(undefined) ? [undefined, ...names] : names;
  const index = new Map(all.map((name, at) => [name, at]));
  const at = (place: number): number => (all.length > 1 ? (place + 0.5) / all.length : 0.5);
  const skip = Math.ceil(all.length / MOST_LABELS);
  return {
    source,
    scale: 'categories',
    scales,
    place: value => at(index.get(value === undefined ? undefined : String(value)) ?? 0),
    ticks: all.flatMap((name, place) =>
      place % skip ? [] : [{ at: at(place), label: name === undefined ? '–' : name || '""' }]
    )
  };
}

function moment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString(undefined, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit'
  });
}

/** A moment beside an axis, in as few letters as tell it from the next one; all in seconds. */
export function momentText(at: number, step: number, span: number): string {
  const options: Intl.DateTimeFormatOptions =
    step >= 60 * DAY
      ? { year: 'numeric', month: 'short' }
      : step >= 4 * DAY || span === 0
        ? { month: 'short', day: 'numeric' }
        : span > DAY
          ? { month: 'numeric', day: 'numeric', hour: 'numeric' }
          : { hour: '2-digit', minute: '2-digit', ...(step < 60 && { second: '2-digit' }) };
  return new Date(at * 1000).toLocaleString(undefined, options);
}

/** Return what axes can be made of: parameters that differ, metrics, then what runs take. */
export function sourcesOf(runs: readonly Run[]): readonly Source[] {
  const of = (kind: 'param' | 'metric', columns: readonly Readonly<Record<string, unknown>>[]): Source[] =>
    [...new Set(columns.flatMap(column => Object.keys(column)))]
      .sort(byName)
      .map(name => ({ kind, name }) as const);
  return [
    ...of(
      'param',
      runs.map(run => run.params)
    ),
    ...of(
      'metric',
      runs.map(run => run.metrics)
    ),
    { kind: 'fact', name: 'took' },
    { kind: 'fact', name: 'started' }
  ];
}

/** Return the source if the runs have it: what was chosen may have been of others. */
export function known<T extends Source | null | undefined>(source: T, sources: readonly Source[]): T | null {
  return source && sources.some(one => keyOf(one) === keyOf(source)) ? source : null;
}

/** Return a few axes to begin with: parameters that differ, then metrics that do; what nearly all runs have comes first. */
export function firstSources(runs: readonly Run[], most = 8): readonly Source[] {
  const told = sourcesOf(runs)
    .filter(source => source.kind !== 'fact' && !source.name.startsWith('system/'))
    .map(source => ({ source, values: runs.map(run => valueOf(run, source)) }))
    .filter(({ values }) => new Set(values).size > 1)
    .map(({ source, values }) => ({ source, n: values.filter(value => value !== undefined).length }));
  const pick = (kind: Source['kind'], n: number): Source[] =>
    told
      .filter(one => one.source.kind === kind)
      .sort((a, b) => b.n - a.n)
      .slice(0, n)
      .map(one => one.source);
  const metrics = pick('metric', most);
  const params = pick('param', most - Math.min(metrics.length, Math.ceil(most / 2)));
  return [...params, ...metrics.slice(0, most - params.length)];
}
