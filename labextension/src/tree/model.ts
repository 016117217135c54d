/**
 * The panel's content as data: a forest of nodes, and the flat list of rows that shows it.
 *
 * A long list (`Slots`) is never walked: it is one stretch of rows of equal height, whatever its length, so that
 * 100,000 runs cost what ten do.
 */

import type { OpenArgs } from '../commands';
import { clip } from '../common/format';

/** One thing in the panel. `kind` picks what draws it. */
export interface TreeNode {
  readonly kind: string;
  /** Stable and unique in the panel: folds and the focus are kept under it. */
  readonly id: string;
  /** What a screen reader says. */
  readonly label: string;
  /** Absent for a leaf. */
  readonly children?: readonly TreeNode[] | Slots;
  /** Whether it is unfolded until a person folds it. */
  readonly open?: boolean;
  /** Whether it has a place of its own in the main area: then a click selects it, and Enter or a double click opens it. */
  readonly opens?: boolean;
  /** In pixels; `'text'` for what wraps, which is measured. 24 where nothing is said. */
  readonly height?: number | 'text';
}

/** A long list, of which only the nodes that are looked at are made. */
export interface Slots {
  readonly length: number;
  /** Of every one of its rows, in pixels. */
  readonly height: number;
  readonly at: (index: number) => TreeNode;
  /** Where the node with that id is, or was before it was fetched; -1 for one that is not known. */
  readonly indexOf: (id: string) => number;
}

/** A name and a value of whatever holds it: a parameter, a metric, a URL. */
export interface FactNode extends TreeNode {
  readonly kind: 'fact';
  readonly name: string;
  readonly value: string;
  readonly tone?: 'error';
  /** What it names, if that has a place in the main area: else a click copies the value. */
  readonly link?: OpenArgs;
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
  /** Pixels from the top of all rows. */
  readonly top: number;
  readonly height: number;
}

/** What a person folded and unfolded, by node. */
export type Folds = Readonly<Record<string, boolean>>;

export const ROW_PX = 24;
const FACT_PX = 20;

export function fact(owner: string, name: string, value: string, tone?: 'error'): FactNode {
  const id = `${owner}/${name}`;
  const base = { kind: 'fact', id, label: `${clip(name)} ${clip(value)}`, name, value } as const;
  return tone ? { ...base, tone, height: 'text' } : { ...base, height: FACT_PX };
}

export function hint(owner: string, label: string, code?: string): HintNode {
  const said = code ? `${label} ${code}` : label;
  const base = { kind: 'hint', id: `${owner}/hint`, label: said, height: 'text' } as const;
  return code ? { ...base, code } : base;
}

export function problem(owner: string, error: { message: string; hint: string }): ProblemNode {
  return {
    kind: 'problem',
    id: `${owner}/problem`,
    label: error.message,
    hint: error.hint,
    height: 'text'
  };
}

function isSlots(children: readonly TreeNode[] | Slots): children is Slots {
  return !Array.isArray(children);
}

/** Rows of equal height under one parent, one after the other. */
interface Stretch {
  /** Row number and pixels of its first row. */
  readonly start: number;
  readonly top: number;
  readonly n: number;
  readonly height: number;
  readonly list: readonly TreeNode[] | Slots;
  /** Place of its first row in the list. */
  readonly from: number;
  readonly level: number;
  readonly parent: string | null;
}

/** A part of a long list that is on the screen. */
export interface Slice {
  readonly list: Slots;
  readonly from: number;
  /** One past the last. */
  readonly to: number;
}

/** The rows that are not hidden in a folded parent, top to bottom. */
export class Rows<N extends TreeNode> {
  readonly length: number;
  /** In pixels. */
  readonly height: number;
  private readonly stretches: Stretch[] = [];
  private readonly places = new Map<string, number>();

  /**
   * `measured` has the heights of rows that wrap, by id, as far as they were drawn; `scale` is how much larger Lab's
   * font is than the one that heights are given for.
   */
  constructor(
    forest: readonly N[],
    private readonly folds: Folds,
    private readonly measured: ReadonlyMap<string, number> = new Map(),
    readonly scale = 1
  ) {
    const end = { start: 0, top: 0 };
    this.visit(forest, 1, null, end);
    this.length = end.start;
    this.height = end.top;
  }

  at(index: number): Row<N> | undefined {
    if (index < 0 || index >= this.length) {
      return undefined;
    }
    const stretch = this.stretches[last(this.stretches, one => one.start <= index)];
    if (!stretch) {
      return undefined;
    }
    const place = stretch.from + index - stretch.start;
    const node = nodeAt(stretch.list, place) as N;
    return {
      node,
      level: stretch.level,
      position: place + 1,
      size: stretch.list.length,
      open: node.children ? isOpen(node, this.folds) : null,
      parent: stretch.parent,
      top: stretch.top + (index - stretch.start) * stretch.height,
      height: stretch.height
    };
  }

  /** The row number of a node, -1 when it is not shown. */
  indexOf(id: string): number {
    const known = this.places.get(id);
    if (known !== undefined) {
      return known;
    }
    for (const { list, from, n, start } of this.stretches) {
      if (isSlots(list)) {
        const place = list.indexOf(id);
        if (place >= from && place < from + n) {
          return start + place - from;
        }
      }
    }
    return -1;
  }

  /** The number of the row that so many pixels from the top are in. */
  indexAt(top: number): number {
    const at = last(this.stretches, one => one.top <= top);
    const stretch = this.stretches[Math.max(at, 0)];
    if (!stretch) {
      return -1;
    }
    const inside = Math.floor((top - stretch.top) / stretch.height);
    return stretch.start + Math.min(Math.max(inside, 0), stretch.n - 1);
  }

  /** The parts of long lists among rows `first` to `end`, one past the last. */
  slices(first: number, end: number): readonly Slice[] {
    return this.stretches.flatMap(({ list, start, n, from }) => {
      const [a, b] = [Math.max(first, start), Math.min(end, start + n)];
      return isSlots(list) && a < b ? [{ list, from: from + a - start, to: from + b - start }] : [];
    });
  }

  private visit(
    list: readonly TreeNode[] | Slots,
    level: number,
    parent: string | null,
    end: { start: number; top: number }
  ): void {
    const push = (from: number, n: number, height: number): void => {
      if (n > 0) {
        this.stretches.push({ ...end, n, height, list, from, level, parent });
        end.start += n;
        end.top += n * height;
      }
    };
    if (isSlots(list)) {
      let from = 0;
      for (const place of this.unfolded(list)) {
        push(from, place + 1 - from, this.scaled(list.height));
        const node = list.at(place);
        this.visit(node.children ?? [], level + 1, node.id, end);
        from = place + 1;
      }
      push(from, list.length - from, this.scaled(list.height));
      return;
    }
    list.forEach((node, place) => {
      this.places.set(node.id, end.start);
      push(place, 1, this.heightOf(node));
      if (node.children && isOpen(node, this.folds)) {
        this.visit(node.children, level + 1, node.id, end);
      }
    });
  }

  private heightOf({ id, height = ROW_PX }: TreeNode): number {
    return height === 'text' ? (this.measured.get(id) ?? this.scaled(ROW_PX)) : this.scaled(height);
  }

  private scaled(px: number): number {
    return Math.round(px * this.scale);
  }

  /** Places of the nodes of a long list that a person unfolded: looked for by the folds, which are few. */
  private unfolded(list: Slots): readonly number[] {
    const places = Object.entries(this.folds)
      .filter(([, open]) => open)
      .map(([id]) => list.indexOf(id))
      .filter(place => place >= 0 && place < list.length && isOpen(list.at(place), this.folds));
    return places.sort((a, b) => a - b);
  }
}

function isOpen(node: TreeNode, folds: Folds): boolean {
  return node.children !== undefined && (folds[node.id] ?? node.open ?? false);
}

function nodeAt(list: readonly TreeNode[] | Slots, place: number): TreeNode | undefined {
  return isSlots(list) ? list.at(place) : list[place];
}

/** The place of the last of sorted things that `holds`, -1 when it holds for none. */
function last<T>(sorted: readonly T[], holds: (one: T) => boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(sorted[middle] as T)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low - 1;
}
