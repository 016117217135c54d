/** A table that draws only the rows and columns in sight: five thousand metrics of three hundred runs are no more than one screen. */

import { useLayoutEffect, useRef, useState } from 'react';
import type { CSSProperties, JSX, ReactNode } from 'react';

import { useScale } from '../common/scale';

export interface SheetRow {
  readonly id: string;
  readonly head: ReactNode;
  /** Null for a title between rows. */
  readonly cell: ((column: number) => ReactNode) | null;
}

export interface SheetProps {
  readonly label: string;
  readonly corner: ReactNode;
  readonly nColumns: number;
  readonly columnKey: (column: number) => string;
  readonly columnHead: (column: number) => ReactNode;
  readonly rows: readonly SheetRow[];
}

/** Heights at Lab's own size of the font. */
const ROW = 26;
const COLUMN = 172;
const WIDEST = 280;
const HEAD = 34;
const NAMES = 230;
/** Rows and columns drawn beyond those in sight, so that scrolling shows no blanks. */
const SPARE = 6;

export function Sheet(props: SheetProps): JSX.Element {
  const { label, corner, nColumns, columnKey, columnHead, rows } = props;
  const outer = useRef<HTMLDivElement>(null);
  const [probe, scale] = useScale();
  const [rowHeight, headHeight] = [Math.round(ROW * scale), Math.round(HEAD * scale)];
  const [sight, setSight] = useState({ top: 0, left: 0, width: 0, height: 0 });
  const look = (): void => {
    if (outer.current) {
      const { scrollTop, scrollLeft, clientWidth, clientHeight } = outer.current;
      setSight({ top: scrollTop, left: scrollLeft, width: clientWidth, height: clientHeight });
    }
  };
  useLayoutEffect(() => {
    const observer = new ResizeObserver(look);
    if (outer.current) {
      observer.observe(outer.current);
    }
    return () => observer.disconnect();
  }, []);
  // Few columns share the room that there is.
  const size = Math.max(COLUMN, Math.min(WIDEST, (sight.width - NAMES) / Math.max(1, nColumns)));
  const width = Math.max(NAMES + nColumns * size, sight.width);
  const columns = inSight(sight.left, sight.width, size, nColumns);
  const shown = inSight(sight.top, sight.height, rowHeight, rows.length);
  return (
    <div
      ref={outer}
      className="jp-Mlops-sheet"
      onScroll={look}
      role="table"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={nColumns + 1}
      // What scrolls must be reachable by keyboard, also where nothing in it can be focused.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <span className="jp-Mlops-em" role="presentation" ref={probe} />
      <div className="jp-Mlops-sheetHead" role="row" aria-rowindex={1} style={{ width, height: headHeight }}>
        <div className="jp-Mlops-sheetName" role="columnheader" aria-colindex={1} style={{ width: NAMES }}>
          {corner}
        </div>
        {columns.map(column => (
          <div
            key={columnKey(column)}
            className="jp-Mlops-sheetCell"
            role="columnheader"
            aria-colindex={column + 2}
            style={placeOf(column, size)}
          >
            {columnHead(column)}
          </div>
        ))}
      </div>
      <div role="rowgroup" style={{ width, height: rows.length * rowHeight, position: 'relative' }}>
        {shown.map(index => {
          const row = rows[index];
          return (
            row && <Row key={row.id} {...{ row, index, columns, columnKey, width, size, sight, rowHeight }} />
          );
        })}
      </div>
    </div>
  );
}

function Row(props: {
  readonly row: SheetRow;
  readonly index: number;
  readonly columns: readonly number[];
  readonly columnKey: (column: number) => string;
  readonly width: number;
  readonly size: number;
  readonly sight: { readonly width: number };
  readonly rowHeight: number;
}): JSX.Element {
  const { row, index, columns, columnKey, width, size, sight, rowHeight } = props;
  const { cell } = row;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className={`jp-Mlops-sheetRow${cell ? '' : ' jp-mod-title'}`}
      style={{ top: index * rowHeight, width, height: rowHeight }}
    >
      <div
        className="jp-Mlops-sheetName"
        role="rowheader"
        aria-colindex={1}
        style={{ width: cell ? NAMES : Math.max(NAMES, sight.width) }}
      >
        {row.head}
      </div>
      {cell &&
        columns.map(column => (
          <div
            key={columnKey(column)}
            className="jp-Mlops-sheetCell"
            role="cell"
            aria-colindex={column + 2}
            style={placeOf(column, size)}
          >
            {cell(column)}
          </div>
        ))}
    </div>
  );
}

function placeOf(column: number, size: number): CSSProperties {
  return { left: NAMES + column * size, width: size };
}

/** Return which of `n` things of one size are in sight, and some more. */
export function inSight(from: number, room: number, size: number, n: number): readonly number[] {
  const first = Math.max(0, Math.floor(from / size) - SPARE);
  const end = Math.min(n, Math.ceil((from + room) / size) + SPARE);
  return Array.from({ length: Math.max(0, end - first) }, (_, index) => first + index);
}
