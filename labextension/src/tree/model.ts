/**
 * The panel's content as data: a forest of nodes, and the flat list of rows that shows it.
 * Rows are flat so that a long list can be drawn a window at a time.
 */

/** One thing in the panel. `kind` picks what draws it. */
export interface TreeNode {
  readonly kind: string;
  /** Stable and unique in the panel: folds and the focus are kept under it. */
  readonly id: string;
  /** What a screen reader says. */
  readonly label: string;
  /** Absent for a leaf. */
  readonly children?: readonly TreeNode[];
  /** Whether it is unfolded until a person folds it. */
  readonly open?: boolean;
}

/** A name and a value of whatever holds it: a parameter, a metric, a URL. */
export interface FactNode extends TreeNode {
  readonly kind: 'fact';
  readonly name: string;
  readonly value: string;
  readonly tone?: 'error';
}

/** What a person sees where a list is empty: what to type to get the first one. */
export interface HintNode extends TreeNode {
  readonly kind: 'hint';
  readonly code?: string;
}

/** Something went wrong, in words. */
export interface ProblemNode extends TreeNode {
  readonly kind: 'problem';
  readonly hint: string;
}

export interface Row<N extends TreeNode> {
  readonly node: N;
  /** From 1. */
  readonly level: number;
  readonly position: number;
  readonly size: number;
  /** Null for a leaf. */
  readonly open: boolean | null;
  readonly parent: string | null;
}

/** What a person folded and unfolded, by node. */
export type Folds = Readonly<Record<string, boolean>>;

export function fact(owner: string, name: string, value: string, tone?: 'error'): FactNode {
  const base = { kind: 'fact', id: `${owner}/${name}`, label: `${name} ${value}`, name, value } as const;
  return tone ? { ...base, tone } : base;
}

export function hint(owner: string, label: string, code?: string): HintNode {
  const base = { kind: 'hint', id: `${owner}/hint`, label: code ? `${label} ${code}` : label } as const;
  return code ? { ...base, code } : base;
}

export function problem(owner: string, error: { message: string; hint: string }): ProblemNode {
  return { kind: 'problem', id: `${owner}/problem`, label: error.message, hint: error.hint };
}

/** Return the rows that are not hidden in a folded parent, top to bottom. */
export function rowsOf<N extends TreeNode>(forest: readonly N[], folds: Folds): readonly Row<N>[] {
  const rows: Row<N>[] = [];
  const visit = (nodes: readonly N[], level: number, parent: string | null): void => {
    nodes.forEach((node, index) => {
      const open = node.children ? (folds[node.id] ?? node.open ?? false) : null;
      rows.push({ node, level, position: index + 1, size: nodes.length, open, parent });
      if (open) {
        visit((node.children ?? []) as readonly N[], level + 1, node.id);
      }
    });
  };
  visit(forest, 1, null);
  return rows;
}

/** What a key does to a tree: move the focus, fold or unfold, or act on the row. */
export type Move =
  | { readonly focus: string }
  | { readonly fold: string; readonly open: boolean }
  | { readonly act: string }
  | null;

/** Return what `key` does on the row with `id`, as the WAI-ARIA pattern for trees has it. */
export function moveFor<N extends TreeNode>(rows: readonly Row<N>[], id: string, key: string): Move {
  const at = rows.findIndex(row => row.node.id === id);
  const row = rows[at];
  if (!row) {
    return null;
  }
  const focus = (other: Row<N> | undefined): Move => (other ? { focus: other.node.id } : null);
  switch (key) {
    case 'ArrowDown':
      return focus(rows[at + 1]);
    case 'ArrowUp':
      return focus(rows[at - 1]);
    case 'Home':
      return focus(rows[0]);
    case 'End':
      return focus(rows[rows.length - 1]);
    case 'ArrowRight':
      if (row.open === false) {
        return { fold: id, open: true };
      }
      return row.open ? focus(rows[at + 1]) : null;
    case 'ArrowLeft':
      if (row.open) {
        return { fold: id, open: false };
      }
      return row.parent === null ? null : { focus: row.parent };
    case 'Enter':
    case ' ':
      return row.open === null ? { act: id } : { fold: id, open: !row.open };
    default:
      return null;
  }
}
