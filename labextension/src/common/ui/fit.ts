/** How many of several things in one row find room. */

export interface Fit {
  /** How many are shown. */
  readonly n: number;
  /** What these take, in pixels. */
  readonly width: number;
}

/** Return how many of `widths` fit into `room`, where those that do not are behind one more thing as wide as `more`. */
export function fit(widths: readonly number[], gap: number, room: number, more: number): Fit {
  let [n, width] = [0, 0];
  for (const next of widths) {
    const wide = width + (n > 0 ? gap : 0) + next;
    const isLast = n === widths.length - 1;
    if (wide > (isLast ? room : room - gap - more)) {
      // All of them may fit where one less and the button for the rest do not.
      return total(widths, gap) <= room ? { n: widths.length, width: total(widths, gap) } : { n, width };
    }
    [n, width] = [n + 1, wide];
  }
  return { n, width };
}

/** Return what all take side by side. */
export function total(widths: readonly number[], gap: number): number {
  return widths.reduce((sum, width) => sum + width, 0) + gap * Math.max(0, widths.length - 1);
}
