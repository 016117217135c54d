/** Colours of curves: told apart on light and on dark, and by dashes where there are more curves than colours. */

import { useSyncExternalStore } from 'react';

const N_COLORS = 8;
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

/** Return the colour of the curve at a place, as CSS. `style/curves.css` has the values for each theme. */
export function curveColor(index: number): string {
  return `var(--jp-mlops-curve-${(index % N_COLORS) + 1})`;
}

/** Return the dashes of the curve at a place, in CSS pixels; none for a solid line. */
export function curveDash(index: number): readonly number[] {
  return DASHES[Math.floor(index / N_COLORS) % DASHES.length] ?? [];
}

/** Return a CSS colour with its variables looked up, as a canvas wants it. */
export function resolved(color: string, host: Element): string {
  const name = /^var\((--[\w-]+)\)$/.exec(color)?.[1];
  return name ? getComputedStyle(host).getPropertyValue(name).trim() || 'gray' : color;
}

function subscribe(tell: () => void): () => void {
  const observer = new MutationObserver(tell);
  observer.observe(document.body, { attributes: true, attributeFilter: ['data-jp-theme-name'] });
  return () => observer.disconnect();
}

/** The name of Lab's theme, told when it changes: a canvas does not follow CSS by itself. */
export function useTheme(): string {
  return useSyncExternalStore(subscribe, () => document.body.dataset.jpThemeName ?? '');
}
