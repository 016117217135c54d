/** The x axis of a chart: how its places are written, and how much room that takes. */

import { moment } from '../common/format';
import type { XAxis } from './model';
import { timeSpace, timeTexts } from './time';

const STEP_INCREMENTS = Array.from({ length: 16 }, (_, i) => [1, 2, 5].map(n => n * 10 ** i)).flat();
const S = 1000;
const MIN = 60 * S;
const H = 60 * MIN;
const ELAPSED_INCREMENTS = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map(n => n * S),
  ...[1, 2, 5, 10, 15, 30].map(n => n * MIN),
  ...[1, 2, 4, 6, 12, 24, 48, 96, 240, 480, 960, 2400].map(n => n * H)
];
/** A letter of a label, and the gap between two labels, in pixels. */
export const LETTER = 6.5;
const BETWEEN = 14;
/** Labels that a chart is wide: what is between two of them tells how fine they are. */
const ABOUT = 10;
const LEAST_SPACE = 50;

/** How far apart labels may be; of time of day uPlot knows it. */
export function incrementsOf(axis: XAxis): number[] | undefined {
  return { step: STEP_INCREMENTS, elapsed: ELAPSED_INCREMENTS, time: undefined }[axis];
}

/** Return the labels of places that are `increment` apart. */
export function xTexts(axis: XAxis, places: readonly number[], increment: number): readonly string[] {
  return axis === 'time' ? timeTexts(places, increment) : places.map(place => textOf(axis, place, increment));
}

function textOf(axis: XAxis, place: number, increment: number): string {
  return axis === 'step' ? stepText(Math.round(place)) : elapsedText(place, increment);
}

/** Return how many pixels a label takes, with the gap to the next one, where the axis goes from one place to another. */
export function labelSpace(axis: XAxis, from: number, to: number): number {
  if (axis === 'time') {
    return timeSpace(to - from);
  }
  const texts = [from, to].map(place => textOf(axis, place, (to - from) / ABOUT));
  return Math.max(LEAST_SPACE, ...texts.map(text => BETWEEN + LETTER * text.length));
}

/** Return a place as the legend says it. */
export function placeText(place: number, axis: XAxis): string {
  if (axis === 'time') {
    return moment(place / 1000);
  }
  return axis === 'elapsed' ? elapsedText(place) : place.toLocaleString();
}

/** A span of time, told from one `increment` ms away: `250 ms`, `1.5 s`, `2:05`, `2:05.25`, `1:02:05`. */
export function elapsedText(ms: number, increment = 1000): string {
  const size = Math.abs(ms);
  if (size > 0 && size < 1000) {
    return `${Number(ms.toPrecision(3))} ms`;
  }
  const digits = Math.min(3, Math.max(0, Math.ceil(3 - Math.log10(increment))));
  if (size < 60_000) {
    return `${Number((ms / 1000).toFixed(Math.max(2, digits)))} s`;
  }
  const seconds = Math.round((size / 1000) * 10 ** digits) / 10 ** digits;
  const two = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  const rest = (seconds % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, '0');
  const text =
    seconds < 3600
      ? `${Math.floor(seconds / 60)}:${rest}`
      : `${Math.floor(seconds / 3600)}:${two((seconds % 3600) / 60)}:${rest}`;
  return ms < 0 ? `-${text}` : text;
}

/** A step on the x axis: where it is too long to be read at a glance, by its power of ten. */
export function stepText(step: number): string {
  return Math.abs(step) < 1e9
    ? step.toLocaleString()
    : Number(step.toPrecision(4)).toExponential().replace('e+', 'e');
}
