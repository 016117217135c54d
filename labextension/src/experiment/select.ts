/** Which runs are selected: by their ids, so that a selection outlives sorting, filtering and new runs. */

import { Notification } from '@jupyterlab/apputils';
import { useCallback, useLayoutEffect, useRef, useState } from 'react';

import type { Client } from '../api/client';
import { asApiError } from '../api/errors';
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
  // What a click meets is what was drawn last. The functions stay the same, or all rows would be drawn with every answer.
  const drawn = useRef({ client, query, by, rows });
  /** Counts what was chosen: runs that come when something else is do not count any more. */
  const nChosen = useRef(0);
  useLayoutEffect(() => {
    drawn.current = { client, query, by, rows };
  });

  const selectRange = useCallback(async (first: number, last: number): Promise<void> => {
    const now = drawn.current;
    const chosen = ++nChosen.current;
    const known = runsAmong(now.rows.row, first, last);
    setIds(new Set(known.ids));
    if (!known.isWhole && !now.by) {
      const roots = now.rows.rootsIn(first, last);
      try {
        const others = await fetchRuns(now.client, { ...now.query, wanted: '' }, roots.first, roots.last);
        if (chosen === nChosen.current) {
          setIds(before => new Set([...before, ...others.map(run => run.id)]));
        }
      } catch (error) {
        Notification.error(asApiError(error).message);
      }
    }
  }, []);
  const select = useCallback(
    (index: number, how: SelectHow): void => {
      const row = drawn.current.rows.row(index);
      if (how === 'range' && anchor.current !== null) {
        void selectRange(Math.min(anchor.current, index), Math.max(anchor.current, index) + 1);
        return;
      }
      anchor.current = index;
      nChosen.current++;
      if (row?.kind === 'run') {
        setIds(before => (how === 'only' ? new Set([row.id]) : toggled(before, row.id)));
      } else if (how === 'only') {
        setIds(new Set());
      }
    },
    [selectRange]
  );
  const selectAll = useCallback(
    (all: boolean): void => {
      anchor.current = null;
      if (all) {
        void selectRange(0, drawn.current.rows.nRows);
      } else {
        nChosen.current++;
        setIds(new Set());
      }
    },
    [selectRange]
  );
  const forget = useCallback((gone: Iterable<string>): void => {
    const dropped = new Set(gone);
    setIds(before => new Set([...before].filter(id => !dropped.has(id))));
  }, []);
  return { ids, select, selectAll, forget };
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(ids);
  if (!next.delete(id)) {
    next.add(id);
  }
  return next;
}
