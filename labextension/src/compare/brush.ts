/** Brushes on axes: a run passes when it lies within each. */

import { keyOf, valueOf } from './axes';
import type { Axis } from './axes';
import type { Run } from '../api/types';

/** From where to where, both between 0 and 1, the first the lower. */
export type Range = readonly [number, number];

/** By axis. */
export type Brushes = ReadonlyMap<string, Range>;

/** Places are sums of fractions. */
const EPSILON = 1e-6;

/** Return the brushes with one changed; null takes it away. */
export function brushed(brushes: Brushes, key: string, range: Range | null): Brushes {
  const next = new Map(brushes);
  if (range === null || (range[0] <= 0 && range[1] >= 1)) {
    next.delete(key);
  } else {
    next.set(key, range);
  }
  return next;
}

/** Return the runs that lie within all brushes; an axis that is no longer shown keeps none out. */
export function passing(runs: readonly Run[], axes: readonly Axis[], brushes: Brushes): readonly Run[] {
  const asked = axes.flatMap(axis => {
    const range = brushes.get(keyOf(axis.source));
    return range ? [{ axis, range }] : [];
  });
  return runs.filter(run =>
    asked.every(({ axis, range: [low, high] }) => {
      const at = axis.place(valueOf(run, axis.source));
      return at >= low - EPSILON && at <= high + EPSILON;
    })
  );
}

/** Return the range after a key on one of its ends: arrows move that end by a twentieth, Page Up and Down by four, Delete takes it away. */
export function moved(range: Range, end: 0 | 1, key: string): Range | null | undefined {
  const step = { ArrowUp: 0.05, ArrowDown: -0.05, PageUp: 0.2, PageDown: -0.2 }[key];
  if (key === 'Delete' || key === 'Backspace') {
    return null;
  }
  const [low, high] = range;
  const to =
    key === 'Home' ? 0 : key === 'End' ? 1 : step === undefined ? undefined : (end ? high : low) + step;
  if (to === undefined) {
    return undefined;
  }
  return end ? [low, Math.min(1, Math.max(low, to))] : [Math.max(0, Math.min(high, to)), high];
}
