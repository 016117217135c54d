/** Curves as a chart draws them: smoothed, lined up over one x, with gaps where there is no number. */

/** One curve. `x` ascends: steps, or milliseconds. Values that are no finite number are gaps. */
export interface Line {
  readonly id: string;
  readonly label: string;
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  /** The smallest and the largest value at each place, where a point stands for many. */
  readonly low?: ArrayLike<number>;
  readonly high?: ArrayLike<number>;
  /** A CSS colour; else one of the palette by its place. */
  readonly color?: string;
}

/** `time` is milliseconds since the epoch, `elapsed` milliseconds since the beginning. */
export type XAxis = 'step' | 'time' | 'elapsed';

/** What a column of the chart draws: the curve, what it was before smoothing, or an edge of its band. */
export type Role = 'main' | 'raw' | 'low' | 'high';

/** A number; `null` for a gap; `undefined` where another curve has a point and this one goes straight on. */
export type Value = number | null | undefined;

export interface Column {
  readonly line: number;
  readonly role: Role;
  readonly values: readonly Value[];
}

export interface Drawing {
  readonly x: readonly number[];
  readonly columns: readonly Column[];
  /** For each line, its values as they were logged, over `x`. */
  readonly told: readonly (readonly Value[])[];
  /** For each line, where over `x` it has gaps. */
  readonly gaps: readonly (readonly number[])[];
  /** For each line, how many of its numbers a logarithmic scale has no place for. */
  readonly notPositive: readonly number[];
  /** For each line, how many of its gaps are numbers that no chart has a place for. */
  readonly tooLarge: readonly number[];
  /** Whether NaN is nothing to tell, and not what was logged. */
  readonly isQuiet?: boolean;
}

export type Zoom = readonly [number, number];

/** Beyond this a number has no place in a chart: the span of its axis would be infinite. */
export const LARGEST = 1e300;

function isDrawn(value: number | undefined): boolean {
  return value !== undefined && Math.abs(value) < LARGEST;
}

/**
 * Return the moving average that TensorBoard draws: exponential, without the pull of a first value,
 * and taken up again after a gap as if it had not been.
 */
export function smoothed(values: ArrayLike<number>, factor: number): Float64Array {
  const found = new Float64Array(values.length);
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN;
    if (!isDrawn(value)) {
      found[i] = NaN;
      continue;
    }
    sum = sum * factor + (1 - factor) * value;
    weight = weight * factor + (1 - factor);
    found[i] = sum / weight;
  }
  return found;
}

/** Return all places of the lines, ascending. Lines over the same places, the usual case, share theirs. */
export function placesOf(lines: readonly Line[]): readonly number[] {
  const first = lines[0];
  if (!first) {
    return [];
  }
  if (lines.every(line => sameNumbers(line.x, first.x))) {
    return Array.from(first.x);
  }
  const all = new Float64Array(lines.reduce((n, line) => n + line.x.length, 0));
  let n = 0;
  for (const line of lines) {
    all.set(line.x, n);
    n += line.x.length;
  }
  all.sort();
  const places: number[] = [];
  for (const place of all) {
    if (place !== places[places.length - 1]) {
      places.push(place);
    }
  }
  return places;
}

/** Return where in `places` each point of a line is; of several at one place the last counts. */
function indicesOf(x: ArrayLike<number>, places: readonly number[]): Int32Array {
  const found = new Int32Array(x.length);
  if (x.length === places.length && sameNumbers(x, places)) {
    return found.map((_, i) => i); // several points at one step keep a place each
  }
  let at = 0;
  for (let i = 0; i < x.length; i++) {
    const place = x[i] ?? 0;
    while (at < places.length - 1 && (places[at] ?? Infinity) < place) {
      at++;
    }
    found[i] = at;
  }
  return found;
}

/** Return what a chart draws of the lines. `smoothing` is 0 for none, up to 0.99. */
export function drawingOf(lines: readonly Line[], smoothing: number, log: boolean): Drawing {
  const x = placesOf(lines);
  const columns: Column[] = [];
  const told: (readonly Value[])[] = [];
  const gaps: (readonly number[])[] = [];
  const notPositive: number[] = [];
  const tooLarge: number[] = [];
  lines.forEach((line, index) => {
    const indices = indicesOf(line.x, x);
    const spread = (values: ArrayLike<number>): Value[] => spreadOver(values, indices, x.length, log);
    const raw = spread(line.y);
    if (hasBand(line)) {
      columns.push({ line: index, role: 'low', values: spread(line.low) });
      columns.push({ line: index, role: 'high', values: spread(line.high) });
    } else if (smoothing > 0) {
      columns.push({ line: index, role: 'raw', values: raw });
    }
    const main = smoothing > 0 ? spread(smoothed(line.y, smoothing)) : raw;
    columns.push({ line: index, role: 'main', values: main });
    told.push(asLogged(line, indices, x.length));
    gaps.push(gapsOf(line, indices));
    notPositive.push(log ? count(line.y, value => value <= 0 && isDrawn(value)) : 0);
    tooLarge.push(count(line.y, value => Number.isFinite(value) && !isDrawn(value)));
  });
  return { x, columns, told, gaps, notPositive, tooLarge };
}

/** Whether a point of the line stands for several of different values. */
export function hasBand(line: Line): line is Line & Required<Pick<Line, 'low' | 'high'>> {
  return line.low !== undefined && line.high !== undefined && !sameNumbers(line.low, line.high);
}

function spreadOver(values: ArrayLike<number>, indices: Int32Array, n: number, log: boolean): Value[] {
  const spread = new Array<Value>(n);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? NaN;
    spread[indices[i] ?? 0] = isDrawn(value) && (!log || value > 0) ? value : null;
  }
  return spread;
}

function asLogged(line: Line, indices: Int32Array, n: number): Value[] {
  const told = new Array<Value>(n);
  for (let i = 0; i < line.y.length; i++) {
    told[indices[i] ?? 0] = line.y[i];
  }
  return told;
}

function gapsOf(line: Line, indices: Int32Array): number[] {
  const gaps: number[] = [];
  for (let i = 0; i < line.y.length; i++) {
    if (!isDrawn(line.y[i])) {
      gaps.push(indices[i] ?? 0);
    }
  }
  return gaps;
}

function count(values: ArrayLike<number>, counts: (value: number) => boolean): number {
  return Array.from(values).filter(counts).length;
}

function sameNumbers(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a === b) {
    return true;
  }
  if (a.length !== b.length) {
    return false;
  }
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i] && !(Number.isNaN(a[i]) && Number.isNaN(b[i]))) {
      return false;
    }
  }
  return true;
}

/** The last moment that a calendar has, in ms since the epoch. */
const LAST_MS = 8.64e15;

/** Return the axis that lines can be drawn over: times of no calendar, such as nanoseconds, are plain numbers. */
export function axisFor(asked: XAxis, lines: readonly Line[]): XAxis {
  const isTime = lines.every(({ x }) => Math.abs(x[x.length - 1] ?? 0) <= LAST_MS);
  return asked === 'time' && !isTime ? 'step' : asked;
}

/** Return the places at both ends, at least `span` apart, and somewhat apart where there is but one. */
export function extent(x: readonly number[], span = 0): Zoom {
  const low = x[0] ?? 0;
  const high = x[x.length - 1] ?? 1;
  if (high - low < span) {
    return [high - span, high];
  }
  return low < high ? [low, high] : [low - 1, high + 1];
}

/** Return a zoom of `factor` times the width around a place, within what there is; null for all of it. */
export function zoomed(now: Zoom, all: Zoom, around: number, factor: number): Zoom | null {
  const low = Math.max(all[0], around - (around - now[0]) * factor);
  const high = Math.min(all[1], around + (now[1] - around) * factor);
  return low <= all[0] && high >= all[1] ? null : low < high ? [low, high] : now;
}

/** A number on the y axis: as many digits as tell it from its neighbour, `increment` away. */
export function tickText(value: number, increment: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || (size < 1e-3 && increment < 1e-3))) {
    const digits = increment > 0 ? Math.max(0, Math.ceil(Math.log10(size) - Math.log10(increment))) : 0;
    return value
      .toExponential(Math.min(digits, 6))
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  }
  const digits = increment > 0 ? decimals(increment) : 3;
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

/** Return how many decimals write a number: 2 for 0.25, of which one would be 0.3. */
function decimals(value: number): number {
  let digits = 0;
  while (digits < 12 && Math.abs(value * 10 ** digits - Math.round(value * 10 ** digits)) > 1e-6) {
    digits++;
  }
  return digits;
}
