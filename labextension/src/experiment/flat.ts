/** The rows of a table with folds: roots of which a window is known, and what is unfolded below some of them. */

import type { Run } from '../api/types';
import type { RunGroup } from './queries';

export interface RunRow {
  readonly kind: 'run';
  readonly id: string;
  readonly run: Run;
  /** From 0. */
  readonly depth: number;
  readonly nChildren: number;
  readonly open: boolean;
}

export interface GroupRow {
  readonly kind: 'group';
  readonly id: string;
  readonly group: RunGroup;
  readonly depth: 0;
  readonly open: boolean;
}

/** Stands for the runs of a group or of a parent that are not listed here, or not yet. */
export interface RestRow {
  readonly kind: 'rest';
  readonly id: string;
  readonly depth: number;
  /** Null while they are being asked for. */
  readonly n: number | null;
  /** What lists them all. */
  readonly where: string;
}

export type Row = RunRow | GroupRow | RestRow;

/** Rows that are unfolded below root `index`. */
export interface Unfolded {
  readonly index: number;
  readonly rows: readonly Row[];
}

/** What is listed below something: undefined while it is being asked for. */
export interface Below {
  readonly runs: readonly Run[];
  readonly nChildren: Readonly<Record<string, number>>;
  /** How many there are in all. */
  readonly n: number;
}

/** Return the rows below a parent or a group, to any depth. */
export function rowsBelow(
  owner: string,
  where: string,
  depth: number,
  below: (id: string) => Below | undefined,
  isOpen: (id: string) => boolean
): readonly Row[] {
  const found = below(owner);
  if (!found) {
    return [{ kind: 'rest', id: `${owner}/rest`, depth, n: null, where }];
  }
  const rows: Row[] = [];
  for (const run of found.runs) {
    const nChildren = found.nChildren[run.id] ?? 0;
    const open = nChildren > 0 && isOpen(run.id);
    rows.push({ kind: 'run', id: run.id, run, depth, nChildren, open });
    if (open) {
      rows.push(...rowsBelow(run.id, childrenOf(run.id), depth + 1, below, isOpen));
    }
  }
  if (found.n > found.runs.length) {
    rows.push({ kind: 'rest', id: `${owner}/rest`, depth, n: found.n - found.runs.length, where });
  }
  return rows;
}

/** The filter that lists a run's children. */
export function childrenOf(run: string): string {
  return `parent = '${run}'`;
}

/** Return how many rows there are with those that are unfolded. */
export function countRows(nRoots: number, unfolded: readonly Unfolded[]): number {
  return unfolded.reduce((sum, { rows }) => sum + rows.length, nRoots);
}

/** Where row `at` is: a root, or a row below one. `unfolded` goes by index. */
export function locate(
  at: number,
  unfolded: readonly Unfolded[]
): { readonly root: number } | { readonly row: Row } {
  let before = 0;
  for (const { index, rows } of unfolded) {
    if (at <= index + before) {
      break;
    }
    const row = rows[at - index - before - 1];
    if (row) {
      return { row };
    }
    before += rows.length;
  }
  return { root: at - before };
}

/** Return which root stands at row `at`, or above it where that is below one. */
export function rootAt(at: number, unfolded: readonly Unfolded[]): number {
  let before = 0;
  for (const { index, rows } of unfolded) {
    if (at <= index + before) {
      break;
    }
    if (at <= index + before + rows.length) {
      return index;
    }
    before += rows.length;
  }
  return at - before;
}

/** How many roots are asked for at once: two screens of them, in steps of one. */
export interface Window {
  readonly skip: number;
  readonly limit: number;
}

/** Return the window that holds roots `first` to before `last`. It moves in steps, so that scrolling asks seldom. */
export function windowFor(first: number, last: number): Window {
  const step = Math.max(40, Math.ceil((last - first + 10) / 20) * 20);
  return { skip: Math.max(0, Math.floor((first - 5) / step) * step), limit: 2 * step };
}
