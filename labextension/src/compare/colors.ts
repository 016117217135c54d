/** One colour for each run, in every part of the widget, kept while others come and go. */

import { curveColor, resolved } from '../curves/palette';

/** Which colour each run has, by its number. */
export type Places = ReadonlyMap<string, number>;

const N_CURVE_COLORS = 8;
/** The angle that keeps any number of hues apart from those before them. */
const GOLDEN_DEG = 137.508;

/** Return the places with those of new runs: the first ones that are free. Those of runs that left are kept for their return. */
export function placed(known: Places, ids: readonly string[]): Places {
  const fresh = ids.filter(id => !known.has(id));
  if (!fresh.length) {
    return known;
  }
  const shown = new Set(ids);
  const taken = new Set([...known].filter(([id]) => shown.has(id)).map(([, place]) => place));
  const places = new Map(known);
  let next = 0;
  for (const id of fresh) {
    while (taken.has(next)) {
      next++;
    }
    taken.add(next);
    places.set(id, next);
  }
  return places;
}

/** Return a run's colour as CSS: the first have those of curves everywhere, further ones are told apart by hue. */
export function runColor(place: number): string {
  return place < N_CURVE_COLORS
    ? curveColor(place)
    : `oklch(0.66 0.15 ${((place * GOLDEN_DEG) % 360).toFixed(1)})`;
}

/** From the least to the most: told apart by lightness, too, and seen on light and on dark. */
const RAMP = [
  [72, 110, 214],
  [132, 92, 205],
  [196, 78, 165],
  [222, 96, 98],
  [224, 138, 44]
] as const;

/** Return the colour of a place from 0 to 1. */
export function rampColor(at: number): string {
  const place = Math.min(1, Math.max(0, at)) * (RAMP.length - 1);
  const index = Math.min(RAMP.length - 2, Math.floor(place));
  const [low, high] = [RAMP[index] ?? RAMP[0], RAMP[index + 1] ?? RAMP[0]];
  const part = place - index;
  const mixed = low.map((value, channel) => Math.round(value + ((high[channel] ?? value) - value) * part));
  return `rgb(${mixed.join(' ')})`;
}

export { resolved };
