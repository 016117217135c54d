/** Which runs are selected: by their ids, so that a selection outlives sorting, filtering and new runs. */

import { useCallback, useRef, useState } from 'react';

import type { Client } from '../api/client';
import type { SelectHow } from '../common/grid/grid';
import type { Row } from './flat';
import { fetchRuns } from './queries';
import type { TableQuery } from './queries';
import type { Rows } from './rows';

export interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly select: (index: number, how: SelectHow) => void;
  /** All that match, or nothing. */
  readonly selectAll: (all: boolean) => void;
  readonly forget: (ids: Iterable<string>) => void;
}

/** Return the ids of the runs among rows, and whether all of the rows are known. */
export function runsAmong(
  row: (index: number) => Row | undefined,
  first: number,
  last: number
): { readonly ids: readonly string[]; readonly isWhole: boolean } {
  const ids: string[] = [];
  let isWhole = true;
  for (let index = first; index < last; index++) {
    const found = row(index);
    isWhole &&= found !== undefined;
    if (found?.kind === 'run') {
      ids.push(found.id);
    }
  }
  return { ids, isWhole };
}

export function useSelection(client: Client, query: TableQuery, by: string, rows: Rows): Selection {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set());
  /** From where a range goes: the row that was chosen last by itself. */
  const anchor = useRef<number | null>(null);

  const addRange = useCallback(
    async (first: number, last: number): Promise<void> => {
      const known = runsAmong(rows.row, first, last);
      setIds(before => new Set([...before, ...known.ids]));
      if (!known.isWhole && !by) {
        const roots = rows.rootsIn(first, last);
        const others = await fetchRuns(client, { ...query, wanted: '' }, roots.first, roots.last);
        setIds(before => new Set([...before, ...others.map(run => run.id)]));
      }
    },
    [rows, query, by, client]
  );
  const select = useCallback(
    (index: number, how: SelectHow): void => {
      const row = rows.row(index);
      if (how === 'range' && anchor.current !== null) {
        setIds(new Set());
        void addRange(Math.min(anchor.current, index), Math.max(anchor.current, index) + 1);
        return;
      }
      anchor.current = index;
      if (row?.kind !== 'run') {
        if (how === 'only') {
          setIds(new Set());
        }
        return;
      }
      setIds(before => {
        if (how === 'only') {
          return new Set([row.id]);
        }
        const next = new Set(before);
        if (!next.delete(row.id)) {
          next.add(row.id);
        }
        return next;
      });
    },
    [rows, addRange]
  );
  const selectAll = useCallback(
    (all: boolean): void => {
      anchor.current = null;
      setIds(new Set());
      if (all) {
        void addRange(0, rows.nRows);
      }
    },
    [rows.nRows, addRange]
  );
  const forget = useCallback((gone: Iterable<string>): void => {
    const dropped = new Set(gone);
    setIds(before => new Set([...before].filter(id => !dropped.has(id))));
  }, []);
  return { ids, select, selectAll, forget };
}
