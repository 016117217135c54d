/** The names of the curves with their values at the cursor; a click hides one. */

import { useState, useSyncExternalStore } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { metric } from '../common/format';
import type { Drawing, Line, Value, XAxis } from './model';
import { curveColor, curveDash } from './palette';
import { placeText } from './xaxis';

/** Curves that are named at first and with each further click: each move of the mouse draws all that are named. */
const PART = 200;

/** Where the cursor is: which place of `x`, and which place each line's nearest point has. */
export interface At {
  readonly at: number | null;
  readonly nearest: readonly (number | null)[];
}

/** Tells the legend alone where the cursor is: a move of the mouse must not draw the chart anew. */
export class CursorStore {
  private now: At = { at: null, nearest: [] };
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly get = (): At => this.now;

  set(at: number | null, nearest: readonly (number | null)[]): void {
    if (at !== this.now.at || nearest.some((one, i) => one !== this.now.nearest[i])) {
      this.now = { at, nearest };
      this.listeners.forEach(tell => tell());
    }
  }
}

/** Return each line's value at the cursor, the last one while there is no cursor. */
export function valuesAt(drawing: Drawing, { at, nearest }: At): readonly (number | undefined)[] {
  return drawing.told.map((told, line) => {
    const place = at === null ? lastOf(told) : (nearest[line] ?? at);
    const value = told[place] ?? undefined;
    return drawing.isQuiet && Number.isNaN(value) ? undefined : value;
  });
}

function lastOf(told: readonly Value[]): number {
  let at = told.length - 1;
  while (at > 0 && told[at] === undefined) {
    at--;
  }
  return at;
}

export function Legend(props: {
  readonly lines: readonly Line[];
  readonly drawing: Drawing;
  readonly axis: XAxis;
  readonly cursor: CursorStore;
  readonly hidden: ReadonlySet<number>;
  readonly onToggle: (line: number) => void;
  readonly onEmphasise: (line: number | null) => void;
}): JSX.Element {
  const { lines, drawing, axis, cursor, hidden, onToggle, onEmphasise } = props;
  const trans = useTrans();
  const now = useSyncExternalStore(cursor.subscribe, cursor.get);
  const values = valuesAt(drawing, now);
  const place = now.at === null ? undefined : drawing.x[now.at];
  const [nShown, setShown] = useState(PART);
  const nMore = Math.max(0, lines.length - nShown);
  return (
    <div className="jp-Mlops-curvesLegend">
      <ul>
        {lines.slice(0, nShown).map((line, i) => (
          <li key={line.id}>
            <button
              type="button"
              aria-pressed={!hidden.has(i)}
              title={trans.__('Show or hide %1', line.label)}
              onClick={() => onToggle(i)}
              onMouseEnter={() => onEmphasise(i)}
              onMouseLeave={() => onEmphasise(null)}
            >
              <Swatch color={line.color ?? curveColor(i)} dash={curveDash(i)} />
              <span className="jp-Mlops-curvesName">{line.label}</span>
              <span className="jp-Mlops-curvesValue">{valueText(values[i])}</span>
            </button>
          </li>
        ))}
        {nMore > 0 && (
          <li>
            <button type="button" onClick={() => setShown(nShown + PART)}>
              {trans.__('and %1 more', nMore.toLocaleString())}
            </button>
          </li>
        )}
      </ul>
      <span className="jp-Mlops-curvesPlace">{place === undefined ? '' : placeName(place, axis, trans)}</span>
    </div>
  );
}

/** The place and the value at the cursor, of a single curve. */
export function Place(props: {
  readonly drawing: Drawing;
  readonly axis: XAxis;
  readonly cursor: CursorStore;
}): JSX.Element {
  const { drawing, axis, cursor } = props;
  const trans = useTrans();
  const now = useSyncExternalStore(cursor.subscribe, cursor.get);
  const place = now.at === null ? undefined : drawing.x[now.at];
  return (
    <div className="jp-Mlops-curvesAt">
      {place === undefined ? '' : `${placeName(place, axis, trans)}: ${valueText(valuesAt(drawing, now)[0])}`}
    </div>
  );
}

function Swatch({ color, dash }: { readonly color: string; readonly dash: readonly number[] }): JSX.Element {
  return (
    <svg width="18" height="8" aria-hidden="true">
      <line
        x1="0"
        x2="18"
        y1="4"
        y2="4"
        style={{ stroke: color }}
        strokeWidth="2.4"
        strokeDasharray={dash.join(' ')}
      />
    </svg>
  );
}

export function valueText(value: number | undefined): string {
  return value === undefined ? '' : metric(Number.isFinite(value) ? value : (String(value) as 'NaN'));
}

export function placeName(place: number, axis: XAxis, trans: ReturnType<typeof useTrans>): string {
  return axis === 'step' ? trans.__('step %1', placeText(place, axis)) : placeText(place, axis);
}
