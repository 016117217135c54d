/** What keys do in the tree, as the WAI-ARIA pattern for trees with several selected nodes has it. */

import type { Row, Rows, TreeNode } from './model';

const PAGE = 10;

/** What a key does to a tree: move the focus, fold or unfold, select, open, act on the row, or show its menu. */
export type Move =
  | { readonly focus: string; readonly extend: boolean }
  | { readonly fold: string; readonly open: boolean }
  | { readonly toggle: string }
  | { readonly opened: string }
  | { readonly act: string }
  | { readonly menu: string }
  | null;

export interface Key {
  readonly key: string;
  readonly ctrlKey?: boolean;
  readonly shiftKey?: boolean;
}

/** Return what a key does on the row with `id`. Null is for what is none of the tree's: Lab may have it. */
export function moveFor<N extends TreeNode>(rows: Rows<N>, id: string, pressed: Key): Move {
  const at = rows.indexOf(id);
  const row = rows.at(at);
  if (!row) {
    return null;
  }
  const { key, ctrlKey = false, shiftKey = false } = pressed;
  if (key === 'ContextMenu' || (key === 'F10' && shiftKey)) {
    return { menu: id };
  }
  if (ctrlKey) {
    return key === ' ' ? { toggle: id } : null;
  }
  const target = focusFor(rows, at, row, key);
  if (target !== undefined) {
    return target && { focus: target.node.id, extend: shiftKey && key.startsWith('Arrow') };
  }
  switch (key) {
    case 'ArrowRight':
      return { fold: id, open: true };
    case 'ArrowLeft':
      return { fold: id, open: false };
    case 'Enter':
      return row.node.opens ? { opened: id } : pressOf(row);
    case ' ':
      return pressOf(row);
    default:
      return null;
  }
}

/** What pressing a row does that opens nothing: it folds, unfolds, or acts. */
export function pressOf<N extends TreeNode>(row: Row<N>): NonNullable<Move> {
  return row.open === null ? { act: row.node.id } : { fold: row.node.id, open: !row.open };
}

/** The row that a key moves to; null where there is none, undefined when the key does not move. */
function focusFor<N extends TreeNode>(
  rows: Rows<N>,
  at: number,
  row: Row<N>,
  key: string
): Row<N> | null | undefined {
  const to = (index: number): Row<N> | null => (index === at ? null : (rows.at(index) ?? null));
  switch (key) {
    case 'ArrowDown':
      return to(at + 1);
    case 'ArrowUp':
      return to(at - 1);
    case 'PageDown':
      return to(Math.min(at + PAGE, rows.length - 1));
    case 'PageUp':
      return to(Math.max(at - PAGE, 0));
    case 'Home':
      return to(0);
    case 'End':
      return to(rows.length - 1);
    case 'ArrowRight':
      return row.open === false ? undefined : row.open ? to(at + 1) : null;
    case 'ArrowLeft':
      return row.open ? undefined : row.parent === null ? null : to(rows.indexOf(row.parent));
    default:
      return undefined;
  }
}
