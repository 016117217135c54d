/** The rows of the table, from what the server answered: roots or groups, and what is unfolded below them. */

import { useCallback, useMemo, useState } from 'react';

import type { Range } from '../common/grid/model';
import { childrenOf, countRows, locate, rootAt, rowsBelow, windowFor } from './flat';
import type { Row, Unfolded, Window } from './flat';
import { both, has } from './model';
import { rowsOf, useBelow, useCount, useGroups, useRoots } from './queries';
import type { Open, OpenEntry, RunGroup, TableQuery } from './queries';

export interface Rows {
  readonly nRows: number;
  /** Changes when any row does. */
  readonly row: (index: number) => Row | undefined;
  /** What the rows are of: another table when it is another. */
  readonly of: string;
  /** How many runs match; null where nobody counts them. */
  readonly n: number | null;
  readonly nGroups: number | null;
  readonly note: string;
  /** Whether there is nothing to show yet. */
  readonly isWaiting: boolean;
  readonly isBusy: boolean;
  readonly error: unknown;
  /** When the rows were last asked for. */
  readonly updatedAt: number;
  readonly onRange: (range: Range) => void;
  readonly fold: (row: Row, open: boolean) => void;
  /** Roots that stand at these rows. */
  readonly rootsIn: (first: number, last: number) => Range;
}

export interface RowsQuery extends TableQuery {
  /** By what runs are grouped; empty for not at all. */
  readonly by: string;
  /** The metrics among the columns, for groups. */
  readonly metrics: string;
  readonly groupOrder: string | undefined;
}

const FIRST: Window = windowFor(0, 30);
const NONE: Open = new Map();

/** A group's id, which no run's can be. */
export function groupId(by: string, value: string | null): string {
  return `group ${by} ${value === null ? 'none' : `= ${value}`}`;
}

export function useRows(query: RowsQuery, isReady: boolean): Rows {
  const { asked, by } = query;
  const of = `${by} ${rowsOf(query)}`;
  const [range, setRange] = useState<{ readonly of: string; readonly window: Window }>({ of, window: FIRST });
  const [open, setOpen] = useState<Open>(new Map());
  // Another order or filter begins at the top, also before the grid has gone there.
  const window = range.of === of ? range.window : FIRST;
  const roots = useRoots(query, window, isReady && !by);
  const count = useCount(asked, isReady && !by);
  const groups = useGroups(asked, isReady ? by : '', query.metrics, query.groupOrder);
  const found = by ? undefined : roots.data;
  const shownGroups = by ? groups.data?.items : undefined;
  const known = useMemo(() => indexesOf(by, found, shownGroups), [by, found, shownGroups]);
  // While others are being asked for, those of before are still shown, under their own name.
  const shownOf = by ? of : `${by} ${found?.of ?? ''}`;

  // Where children are listed beside their parents, nothing is below these; what was unfolded is so again later.
  const isTree = by !== '' || asked.roots === true;
  const unfolded = useUnfolded(query, known, isTree ? open : NONE, shownOf);
  const nextOpen = withIndexes(open, known, shownOf);
  if (nextOpen !== open) {
    setOpen(nextOpen);
  }

  const nRoots = by ? (shownGroups?.length ?? 0) : rootsCounted(found, count.data);
  const rootRows = useMemo(
    () => (by ? groupRows(by, shownGroups ?? [], open) : runRows(found, asked.roots === true, open)),
    [by, shownGroups, found, asked.roots, open]
  );
  const skip = by ? 0 : (found?.skip ?? 0);
  const row = useCallback(
    (index: number): Row | undefined => {
      const place = locate(index, unfolded);
      return 'row' in place ? place.row : rootRows[place.root - skip];
    },
    [unfolded, rootRows, skip]
  );
  const onRange = useCallback(
    ({ first, last }: Range) => {
      const next = windowFor(rootAt(first, unfolded), rootAt(last, unfolded));
      setRange(before =>
        before.of === of && sameWindow(before.window, next) ? before : { of, window: next }
      );
    },
    [unfolded, of]
  );
  const fold = useCallback(
    (one: Row, isOpen: boolean) =>
      setOpen(before => withFold(before, one.id, isOpen ? entryOf(one, by, asked.where) : null)),
    [by, asked.where]
  );
  const rootsIn = useCallback(
    (first: number, last: number) => ({
      first: rootAt(first, unfolded),
      last: rootAt(last - 1, unfolded) + 1
    }),
    [unfolded]
  );
  const main = by ? groups : roots;
  return {
    nRows: countRows(nRoots, unfolded),
    row,
    of: shownOf,
    n: by ? (groups.data?.n_runs ?? null) : (count.data ?? null),
    nGroups: by ? (groups.data?.n_groups ?? null) : null,
    note: (by ? groups.data?.note : found?.note) ?? '',
    isWaiting: main.data === undefined && !main.isError,
    isBusy: main.isPlaceholderData,
    error: main.error ?? (by ? null : count.error),
    updatedAt: main.dataUpdatedAt,
    onRange,
    fold,
    rootsIn
  };
}

type FoundRoots = ReturnType<typeof useRoots>['data'];

/** What is unfolded, where it is in the table. */
function useUnfolded(
  query: RowsQuery,
  known: ReadonlyMap<string, number>,
  open: Open,
  of: string
): readonly Unfolded[] {
  const below = useBelow(query, open);
  return useMemo(() => {
    const all: Unfolded[] = [];
    for (const [id, entry] of open) {
      const index = known.get(id) ?? (entry.of === of ? entry.index : -1);
      if (index >= 0) {
        all.push({ index, rows: rowsBelow(id, entry.where, 1, below, one => open.has(one)) });
      }
    }
    return all.sort((a, b) => a.index - b.index);
  }, [known, open, below, of]);
}

function withFold(before: Open, id: string, entry: OpenEntry | null): Open {
  const next = new Map(before);
  if (entry) {
    next.set(id, entry);
  } else {
    next.delete(id);
  }
  return next;
}

function groupRows(by: string, groups: readonly RunGroup[], open: Open): readonly Row[] {
  return groups.map(group => {
    const id = groupId(by, group.value);
    return { kind: 'group', id, group, depth: 0, open: open.has(id) };
  });
}

function runRows(found: FoundRoots, folds: boolean, open: Open): readonly Row[] {
  return (found?.runs ?? []).map(run => {
    const nChildren = (folds ? found?.nChildren[run.id] : 0) ?? 0;
    const isOpen = nChildren > 0 && open.has(run.id);
    return { kind: 'run', id: run.id, run, depth: 0, nChildren, open: isOpen };
  });
}

/** Where in the table each root is that is known. */
function indexesOf(
  by: string,
  found: FoundRoots,
  groups: readonly RunGroup[] | undefined
): ReadonlyMap<string, number> {
  if (groups) {
    return new Map(groups.map((group, index) => [groupId(by, group.value), index]));
  }
  return new Map(found?.runs.map((run, index) => [run.id, found.skip + index]));
}

/** Return what is unfolded with where it is now; the same when nothing moved. */
function withIndexes(before: Open, known: ReadonlyMap<string, number>, of: string): Open {
  let moved = false;
  const next = new Map<string, OpenEntry>();
  for (const [id, entry] of before) {
    const index = known.get(id) ?? (entry.of === of ? entry.index : -1);
    moved ||= index !== entry.index || of !== entry.of;
    next.set(id, { ...entry, index, of });
  }
  return moved ? next : before;
}

/** How many roots there are, or seem to be where a server does not count them: one more than is known, to scroll on to. */
function rootsCounted(found: FoundRoots, n: number | null | undefined): number {
  const end = found ? found.skip + found.runs.length : 0;
  if (found?.isLast && (found.runs.length || !found.skip)) {
    return end;
  }
  return Math.max(end + (found && n === null ? 1 : 0), n ?? 0);
}

function entryOf(row: Row, by: string, where: string | undefined): OpenEntry | null {
  switch (row.kind) {
    case 'group':
      return { where: both(where, has(by, row.group.value)), isGroup: true, index: -1, of: '' };
    case 'run':
      return { where: childrenOf(row.id), isGroup: false, index: -1, of: '' };
    case 'rest':
      return null;
  }
}

function sameWindow(a: Window, b: Window): boolean {
  return a.skip === b.skip && a.limit === b.limit;
}
