/** How the charts of a comparison are drawn, as it is kept for the next one: what is stored is not believed. */

import type { XAxis } from '../curves/model';
import type { Scale, Source } from './axes';

export interface CurvesLook {
  /** The metric; null for the first there is. */
  readonly name: string | null;
  readonly axis: XAxis;
  readonly log: boolean;
  readonly smoothing: number;
}

export interface ParallelLook {
  /** The axes in their order; null for those that tell most. */
  readonly axes: readonly Source[] | null;
  /** By `keyOf` of their source. */
  readonly scales: Readonly<Record<string, Scale>>;
  readonly colorBy: Source | null;
}

export interface Choice {
  readonly source: Source;
  readonly scale?: Scale;
}

export interface ScatterLook {
  readonly x: Choice | null;
  readonly y: Choice | null;
  readonly colorBy: Source | null;
}

type Fields = Readonly<Record<string, unknown>>;

const XAXES: readonly unknown[] = ['step', 'time', 'elapsed'] satisfies XAxis[];
const SCALES: readonly unknown[] = ['linear', 'log', 'categories'] satisfies Scale[];
const KINDS: readonly unknown[] = ['param', 'metric', 'fact'] satisfies Source['kind'][];

export function readCurvesLook(stored: unknown): CurvesLook {
  const { name, axis, log, smoothing } = fieldsOf(stored);
  return {
    name: typeof name === 'string' ? name : null,
    axis: XAXES.includes(axis) ? (axis as XAxis) : 'step',
    log: log === true,
    smoothing: typeof smoothing === 'number' && smoothing >= 0 && smoothing < 1 ? smoothing : 0
  };
}

export function readParallelLook(stored: unknown): ParallelLook {
  const { axes, scales, colorBy } = fieldsOf(stored);
  return {
    axes: Array.isArray(axes) ? axes.flatMap(one => readSource(one) ?? []) : null,
    scales: Object.fromEntries(
      Object.entries(fieldsOf(scales)).filter((entry): entry is [string, Scale] => SCALES.includes(entry[1]))
    ),
    colorBy: readSource(colorBy)
  };
}

export function readScatterLook(stored: unknown): ScatterLook {
  const { x, y, colorBy } = fieldsOf(stored);
  return { x: readChoice(x), y: readChoice(y), colorBy: readSource(colorBy) };
}

function readChoice(stored: unknown): Choice | null {
  const { source, scale } = fieldsOf(stored);
  const read = readSource(source);
  return read && { source: read, ...(SCALES.includes(scale) && { scale: scale as Scale }) };
}

function readSource(stored: unknown): Source | null {
  const { kind, name } = fieldsOf(stored);
  return KINDS.includes(kind) && typeof name === 'string' ? { kind: kind as Source['kind'], name } : null;
}

function fieldsOf(stored: unknown): Fields {
  return typeof stored === 'object' && stored !== null && !Array.isArray(stored) ? (stored as Fields) : {};
}
