/** What the keys do in a grid: walk, sort, fold, select, open, resize and move columns. */

import type { KeyboardEvent, RefObject } from 'react';

import type { GridProps } from './grid';
import { moveFor, moved, resized, scrollFor } from './model';
import type { Cell } from './model';
import type { Heights } from './size';

/** How much wider a column is with every key. */
const STEP_PX = 16;

export interface KeysProps<R> extends GridProps<R> {
  readonly hasBoxes: boolean;
  readonly active: Cell;
  readonly setActive: (cell: Cell) => void;
  readonly box: RefObject<HTMLDivElement>;
  /** Of what is seen of the rows, in pixels. */
  readonly height: number;
  readonly heights: Heights;
}

export function useGridKeys<R>(props: KeysProps<R>): (event: KeyboardEvent<HTMLElement>) => void {
  return event => {
    if (event.target !== event.currentTarget && event.key !== 'Escape') {
      return; // something inside a cell has the focus
    }
    if (event.altKey && event.key !== 'ArrowDown') {
      return;
    }
    const isHead = props.active.row < 0;
    if (
      everywhere(event, props) ||
      (isHead ? inHead(event, props) : inRow(event, props)) ||
      walk(event, props)
    ) {
      event.preventDefault();
      event.stopPropagation();
    }
  };
}

function everywhere<R>(event: KeyboardEvent, { onSelectAll, hasBoxes }: KeysProps<R>): boolean {
  if (hasBoxes && event.key === 'a' && (event.ctrlKey || event.metaKey)) {
    onSelectAll?.(true);
    return true;
  }
  if (hasBoxes && event.key === 'Escape') {
    onSelectAll?.(false);
    return true;
  }
  return false;
}

function inHead<R>(event: KeyboardEvent, props: KeysProps<R>): boolean {
  const { columns, hasBoxes, active, onColumns, setActive } = props;
  const index = active.column - (hasBoxes ? 1 : 0);
  const column = columns[index];
  const isPress = event.key === 'Enter' || event.key === ' ';
  if (!column) {
    if (isPress) {
      props.onSelectAll?.(!props.allSelected);
    }
    return isPress;
  }
  if (isPress) {
    if (column.sortable) {
      props.onOrder?.(column.id);
    }
    return true;
  }
  if (isMenuKey(event)) {
    const at = cellAt(props)?.getBoundingClientRect();
    props.onMenu?.(column, at?.left ?? 0, at?.bottom ?? 0);
    return true;
  }
  const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (!by || !event.shiftKey) {
    return false;
  }
  if (!event.ctrlKey && !event.metaKey) {
    onColumns?.(resized(columns, column.id, by * STEP_PX));
    return true;
  }
  const next = moved(columns, column.id, index + by);
  if (next !== columns) {
    onColumns?.(next);
    setActive({ ...active, column: active.column + by });
  }
  return true;
}

function inRow<R>(event: KeyboardEvent, props: KeysProps<R>): boolean {
  const { active, hasBoxes } = props;
  const row = props.row(active.row);
  switch (event.key) {
    case 'Enter':
      props.onOpen?.(active.row);
      return true;
    case ' ':
      props.onSelect?.(active.row, event.shiftKey ? 'range' : 'toggle');
      return true;
    case 'ArrowRight':
    case 'ArrowLeft': {
      const open = row === undefined ? undefined : props.rowState?.(row).open;
      const unfolds = event.key === 'ArrowRight';
      // In the first column, where the fold is drawn, the arrows fold and unfold before they walk.
      if (active.column !== (hasBoxes ? 1 : 0) || open === undefined || open === unfolds || event.ctrlKey) {
        return false;
      }
      props.onFold?.(active.row, unfolds);
      return true;
    }
    default:
      if (isMenuKey(event) && props.onRowMenu) {
        const at = cellAt(props)?.getBoundingClientRect();
        props.onRowMenu(active.row, at?.left ?? 0, at?.bottom ?? 0);
        return true;
      }
      return false;
  }
}

function walk<R>(event: KeyboardEvent, props: KeysProps<R>): boolean {
  const { active, height, heights, columns, hasBoxes, nRows } = props;
  const keys = { key: event.key, ctrl: event.ctrlKey || event.metaKey, shift: event.shiftKey };
  const nSeen = Math.max(1, Math.floor(height / heights.row) - 1);
  const next = moveFor(active, keys, { nRows, nColumns: columns.length + (hasBoxes ? 1 : 0), nSeen });
  if (next === null) {
    return false;
  }
  props.setActive(next);
  const box = props.box.current;
  if (box && next.row >= 0) {
    box.scrollTop = scrollFor(next.row, box.scrollTop, height, heights.row);
  }
  if (box && next.column !== active.column) {
    showColumn(box, props, next.column);
  }
  if (keys.shift && next.row >= 0 && next.row !== active.row) {
    props.onSelect?.(next.row, 'range');
  }
  return true;
}

/** Scroll sideways until a column is seen whole, right of those that are fixed. */
function showColumn<R>(box: HTMLElement, { columns, hasBoxes }: KeysProps<R>, at: number): void {
  const head = box.querySelectorAll<HTMLElement>('[role="columnheader"]');
  const cell = head[at];
  const index = at - (hasBoxes ? 1 : 0);
  if (!cell || columns[index]?.fixed || index < 0) {
    return;
  }
  const seen = box.getBoundingClientRect();
  const its = cell.getBoundingClientRect();
  const covered = [...head]
    .filter(one => one.classList.contains('jp-mod-fixed') || one.classList.contains('jp-MlopsGrid-box'))
    .reduce((sum, one) => sum + one.getBoundingClientRect().width, 0);
  const left = seen.left + covered;
  const right = seen.left + box.clientWidth;
  if (its.left < left) {
    box.scrollLeft -= left - its.left;
  } else if (its.right > right) {
    box.scrollLeft += its.right - right;
  }
}

function isMenuKey(event: KeyboardEvent): boolean {
  return (
    event.key === 'ContextMenu' ||
    (event.key === 'F10' && event.shiftKey) ||
    (event.key === 'ArrowDown' && event.altKey)
  );
}

function cellAt<R>({ box }: KeysProps<R>): Element | null {
  const id = box.current?.getAttribute('aria-activedescendant');
  return id ? document.getElementById(id) : null;
}
