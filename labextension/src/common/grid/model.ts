/** A grid as data: its columns, which rows are drawn, and what the keys do. */

export interface Column {
  readonly id: string;
  readonly label: string;
  /** Said before the label in a quieter voice: `param`. */
  readonly group?: string;
  /** At the mouse. */
  readonly title?: string;
  readonly width: number;
  /** Numbers stand at the end, so that their digits are below each other. */
  readonly align?: 'start' | 'end';
  readonly sortable?: boolean;
  /** Stays first, and in view when the others are scrolled sideways. */
  readonly fixed?: boolean;
}

export interface GridOrder {
  readonly id: string;
  readonly descending: boolean;
}

export const NARROWEST = 48;
export const WIDEST = 1200;
export const SELECT_WIDTH = 32;

/** Return the columns with one of them `by` pixels wider. */
export function resized(columns: readonly Column[], id: string, by: number): readonly Column[] {
  return columns.map(column =>
    column.id === id
      ? { ...column, width: Math.round(Math.min(WIDEST, Math.max(NARROWEST, column.width + by))) }
      : column
  );
}

/** Return the columns as they are drawn where the font is so much larger, or, by the inverse, as they are kept. */
export function scaled(columns: readonly Column[], scale: number): readonly Column[] {
  return scale === 1
    ? columns
    : columns.map(column => ({ ...column, width: Math.round(column.width * scale) }));
}

/** Return the columns with one of them moved to another place. Fixed ones stay first and are not moved. */
export function moved(columns: readonly Column[], id: string, to: number): readonly Column[] {
  const from = columns.findIndex(column => column.id === id);
  const column = columns[from];
  const nFixed = columns.filter(one => one.fixed).length;
  if (!column || column.fixed) {
    return columns;
  }
  const at = Math.min(columns.length - 1, Math.max(nFixed, to));
  if (at === from) {
    return columns;
  }
  const rest = columns.filter(one => one !== column);
  return [...rest.slice(0, at), column, ...rest.slice(at)];
}

/** Return before which column something dragged to `x` (from the left edge of the first one) goes. */
export function placeAt(columns: readonly Column[], x: number): number {
  let left = 0;
  for (const [index, column] of columns.entries()) {
    if (x < left + column.width / 2) {
      return index;
    }
    left += column.width;
  }
  return columns.length;
}

/** Rows `first` to before `last`. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Return which rows are seen. */
export function seen(scrollTop: number, height: number, rowHeight: number, nRows: number): Range {
  const first = Math.min(Math.max(0, nRows - 1), Math.max(0, Math.floor(scrollTop / rowHeight)));
  return { first, last: Math.min(nRows, Math.ceil((scrollTop + height) / rowHeight)) };
}

/** Return a range with some more on both ends, so that scrolling meets rows that are drawn already. */
export function widened({ first, last }: Range, by: number, nRows: number): Range {
  return { first: Math.max(0, first - by), last: Math.min(nRows, last + by) };
}

/** A cell; row -1 is the head. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

export interface Keys {
  readonly key: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
}

export interface GridSize {
  readonly nRows: number;
  readonly nColumns: number;
  /** Rows of a page. */
  readonly nSeen: number;
}

/** Return the cell that a key moves to, or null when it does not move. */
export function moveFor(cell: Cell, { key, ctrl }: Keys, size: GridSize): Cell | null {
  const { row, column } = cell;
  const lastRow = size.nRows - 1;
  const lastColumn = size.nColumns - 1;
  const to = (nextRow: number, nextColumn: number): Cell => ({
    row: Math.min(lastRow, Math.max(-1, nextRow)),
    column: Math.min(lastColumn, Math.max(0, nextColumn))
  });
  switch (key) {
    case 'ArrowDown':
      return to(ctrl ? lastRow : row + 1, column);
    case 'ArrowUp':
      return to(ctrl ? 0 : row - 1, column);
    case 'ArrowRight':
      return to(row, ctrl ? lastColumn : column + 1);
    case 'ArrowLeft':
      return to(row, ctrl ? 0 : column - 1);
    case 'Home':
      return ctrl ? to(0, 0) : to(row, 0);
    case 'End':
      return ctrl ? to(lastRow, lastColumn) : to(row, lastColumn);
    case 'PageDown':
      return to(Math.max(0, row) + size.nSeen, column);
    case 'PageUp':
      return to(Math.max(0, row - size.nSeen), column);
    default:
      return null;
  }
}

/** Return how far to scroll so that row `row` is wholly seen below the head. */
export function scrollFor(row: number, scrollTop: number, height: number, rowHeight: number): number {
  const top = row * rowHeight;
  if (top < scrollTop) {
    return top;
  }
  return top + rowHeight > scrollTop + height ? top + rowHeight - height : scrollTop;
}

/** The rows that were seen: by their ids, where each of them was. */
export type Anchors = readonly (readonly [id: string, index: number])[];

/**
 * Return how many rows came in above those that were seen: the first of them that is still there says it. What is
 * known of the rows is asked of `idAt` in a stretch about where they were.
 */
export function shiftOf(
  anchors: Anchors,
  idAt: (index: number) => string | null,
  nRows: number,
  reach = 200
): number {
  const first = anchors[0];
  const last = anchors[anchors.length - 1];
  if (!first || !last) {
    return 0;
  }
  const now = new Map<string, number>();
  for (let at = Math.max(0, first[1] - reach); at < Math.min(nRows, last[1] + reach); at++) {
    const id = idAt(at);
    if (id !== null) {
      now.set(id, at);
    }
  }
  for (const [id, before] of anchors) {
    const after = now.get(id);
    if (after !== undefined) {
      return after - before;
    }
  }
  return 0;
}
