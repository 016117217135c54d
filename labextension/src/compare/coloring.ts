/** By what marks of charts are coloured: each run its own colour, or from low to high by one of its values. */

import type { Run } from '../api/types';
import { makeAxis, valueOf } from './axes';
import type { Source } from './axes';
import { rampColor, runColor } from './colors';
import type { Compared } from './compared';
import type { LegendItem } from './picture';

export interface Coloring {
  readonly colorOf: (run: Run) => string;
  readonly legend: readonly LegendItem[];
}

/** What has no number has no place between low and high. */
const NO_COLOR = 'var(--jp-ui-font-color3)';

/** Return the colours of runs; `source` is null for each run's own. */
export function coloring(
  compared: Pick<Compared, 'runs' | 'colorOf' | 'labelOf'>,
  source: Source | null
): Coloring {
  const { runs, colorOf, labelOf } = compared;
  if (source === null) {
    return {
      colorOf: run => colorOf(run.id),
      legend: runs.map(run => ({ color: colorOf(run.id), label: labelOf(run.id) }))
    };
  }
  const axis = makeAxis(
    source,
    runs.map(run => valueOf(run, source))
  );
  const isOdd = (at: number): boolean =>
    axis.ticks.some(tick => tick.at === at && /^(–|NaN|−∞|∞|≤ 0)$/.test(tick.label));
  const color = (at: number, index: number): string =>
    axis.scale === 'categories' ? runColor(index) : isOdd(at) ? NO_COLOR : rampColor(at);
  const places = new Map(axis.ticks.map((tick, index) => [tick.at, index]));
  return {
    colorOf: run => {
      const at = axis.place(valueOf(run, source));
      return color(at, places.get(at) ?? 0);
    },
    legend: axis.ticks.map((tick, index) => ({
      color: color(tick.at, index),
      label: `${source.name} ${tick.label}`
    }))
  };
}
