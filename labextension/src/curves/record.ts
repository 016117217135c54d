/** Curves as the server sends them: what a chart draws of one, and a part of it that was asked for more finely. */

import type { Curve, MetricValue } from '../api/types';
import type { Line, Zoom } from './model';

/** From the first to the last place, as the server counts them: steps, or milliseconds since the epoch. */
export type Span = readonly [number, number];

/** Whether each entry is one point, so that there is nothing finer. */
export function isExact(curve: Curve): boolean {
  return curve.n_points <= curve.at.length;
}

/** Return what is asked for of a curve that is drawn from `origin` on. */
export function spanOf(zoom: Zoom, origin: number): Span {
  return [Math.floor(zoom[0] + origin), Math.ceil(zoom[1] + origin)];
}

/** Return the curve with a part of it finer, and the rest as it was: the line goes on to the edges, and beyond. */
export function spliced(whole: Curve, part: Curve | undefined, span: Span | null): Curve {
  if (!part || !span || part.axis !== whole.axis) {
    return whole;
  }
  const begin = whole.at.findIndex(at => at >= span[0]);
  const end = whole.at.findIndex(at => at > span[1]);
  const join = <T>(all: readonly T[], some: readonly T[]): T[] => [
    ...(begin < 0 ? all : all.slice(0, begin)),
    ...some,
    ...(end < 0 ? [] : all.slice(end))
  ];
  return {
    ...whole,
    at: join(whole.at, part.at),
    low: join(whole.low, part.low),
    high: join(whole.high, part.high),
    last: join(whole.last, part.last)
  };
}

/** Return a curve as a chart draws it, its places counted from `origin` on. */
export function lineOf(
  curve: Curve,
  named: Pick<Line, 'id' | 'label' | 'color'>,
  { origin, hasBand }: { readonly origin: number; readonly hasBand: boolean }
): Line {
  const line = {
    ...named,
    x: Float64Array.from(curve.at, at => at - origin),
    y: Float64Array.from(curve.last, numberOf)
  };
  return hasBand
    ? { ...line, low: Float64Array.from(curve.low, numberOf), high: Float64Array.from(curve.high, numberOf) }
    : line;
}

function numberOf(value: MetricValue): number {
  return typeof value === 'number' ? value : Number(value);
}
