/** What the table asks the server for: a window of runs, how many there are, what is below some, groups, names. */

import { useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import type { UseQueryResult } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo } from 'react';

import type { Client } from '../api/client';
import { useLive, useSession, useVisible } from '../api/context';
import type { components } from '../api/schema';
import type { Run } from '../api/types';
import { columnsAsked, fieldOf } from './model';
import type { Asked, KnownField, Mark } from './model';
import type { Below, Window } from './flat';
import { childrenOf } from './flat';

export type RunGroup = Readonly<components['schemas']['RunGroup']>;
export type RunGroups = Readonly<components['schemas']['RunGroups']>;
export type MetricSummary = Readonly<components['schemas']['MetricSummary']>;

/** Children that are listed at once, and runs of a group. */
const MOST_CHILDREN = 1000;
const MOST_OF_GROUP = 200;
/** As many as the server lists at once. */
const AT_ONCE = 10_000;

/** Some roots of the table, in their order. */
export interface Roots {
  /** What they are of: other roots when it is another. */
  readonly of: string;
  readonly skip: number;
  readonly runs: readonly Run[];
  readonly nChildren: Readonly<Record<string, number>>;
  readonly isLast: boolean;
  readonly note: string;
}

export interface TableQuery {
  readonly asked: Asked;
  readonly order: string | undefined;
  readonly wanted: string;
}

/** Two tables with the same words have the same rows. */
export function rowsOf({ asked, order }: TableQuery): string {
  return JSON.stringify([asked, order]);
}

export function useRoots(query: TableQuery, window: Window, enabled: boolean): UseQueryResult<Roots> {
  const { client } = useSession();
  const { asked, order, wanted } = query;
  return useLive({
    key: ['runs', 'table', asked, order, wanted, window.skip, window.limit],
    keep: true,
    enabled,
    fn: async signal => {
      const page = await client.get('/runs', {
        query: { ...asked, ...(order && { order }), ...columnsAsked(wanted), children: true, ...window },
        signal
      });
      return {
        of: rowsOf(query),
        skip: window.skip,
        runs: page.items,
        nChildren: page.n_children,
        isLast: !page.next,
        note: page.note
      };
    }
  });
}

/** How many roots there are; null where a tracking server does not count them. */
export function useCount(asked: Asked, enabled: boolean): UseQueryResult<number | null> {
  const { client } = useSession();
  return useLive({
    key: ['runs', 'count', asked],
    enabled,
    fn: async signal => {
      const query = { ...asked, limit: 1, count: true, columns: '' };
      return (await client.get('/runs', { query, signal })).n_matching ?? null;
    }
  });
}

export function useGroups(
  asked: Asked,
  by: string,
  metrics: string,
  order: string | undefined
): UseQueryResult<RunGroups> {
  const { client } = useSession();
  const { experiment, where, words, deleted } = asked;
  return useLive({
    key: ['runs', 'groups', experiment, where, words, deleted, by, metrics, order],
    keep: true,
    enabled: by !== '',
    fn: signal =>
      client.get('/groups', {
        query: {
          by,
          metrics,
          ...(experiment && { experiment }),
          ...(where && { where }),
          ...(words && { words }),
          ...(deleted && { deleted }),
          ...(order && { order })
        },
        signal
      })
  });
}

/** What is unfolded, by the id of its parent or group. */
export interface OpenEntry {
  /** What lists it. */
  readonly where: string;
  readonly isGroup: boolean;
  /** Which root it was when it was last seen, and of which rows; -1 for one that is no root. */
  readonly index: number;
  readonly of: string;
}

export type Open = ReadonlyMap<string, OpenEntry>;

/** Return what is below each of those that are unfolded. */
export function useBelow(query: TableQuery, open: Open): (id: string) => Below | undefined {
  const { client } = useSession();
  const visible = useVisible();
  const { order, wanted } = query;
  const { experiment, words, deleted } = query.asked;
  const ids = [...open.keys()];
  const found = useQueries({
    combine: dataOf,
    queries: ids.map(id => {
      const { where, isGroup } = open.get(id) ?? { where: childrenOf(id), isGroup: false };
      const named = isGroup ? words : undefined;
      return {
        queryKey: ['runs', 'below', experiment, named, deleted, where, order, wanted],
        enabled: visible,
        placeholderData: (before: Below | undefined) => before,
        queryFn: async ({ signal }: { readonly signal: AbortSignal }): Promise<Below> => {
          const page = await client.get('/runs', {
            query: {
              ...(experiment && { experiment }),
              ...(named && { words: named }),
              ...(deleted && { deleted }),
              ...(order && { order }),
              where,
              ...columnsAsked(wanted),
              limit: isGroup ? MOST_OF_GROUP : MOST_CHILDREN,
              children: true,
              count: true
            },
            signal
          });
          return { runs: page.items, nChildren: page.n_children, n: page.n_matching ?? page.items.length };
        }
      };
    })
  });
  return useCallback((id: string) => found[[...open.keys()].indexOf(id)], [found, open]);
}

/** A function of its own, so that the answers are the same array as long as they are the same. */
function dataOf<T>(results: readonly { readonly data: T | undefined }[]): readonly (T | undefined)[] {
  return results.map(result => result.data);
}

/** The names that columns may have. Asked again with every change while that is cheap: the first metrics are to show at once. */
export function useKnown(experiment: string, pulse: number): UseQueryResult<readonly KnownField[]> {
  const { client } = useSession();
  const queries = useQueryClient();
  useEffect(() => {
    if (pulse) {
      void queries.invalidateQueries({ queryKey: ['columns', experiment] });
    }
  }, [queries, experiment, pulse]);
  const visible = useVisible();
  return useQuery({
    queryKey: ['columns', experiment],
    enabled: visible,
    queryFn: async ({ signal }) =>
      (await client.get('/columns', { ...(experiment && { query: { experiment } }), signal })).items
  });
}

/** The best value of each metric that is marked, over all runs of the table. */
export function useBest(
  asked: Asked,
  marks: Readonly<Record<string, Mark>>
): ReadonlyMap<string, number | string> {
  const { client } = useSession();
  const visible = useVisible();
  const ids = Object.keys(marks);
  const found = useQueries({
    combine: dataOf,
    queries: ids.map(id => ({
      queryKey: ['runs', 'best', asked, id, marks[id]],
      enabled: visible,
      queryFn: async ({ signal }: { readonly signal: AbortSignal }) => {
        const order = `${id} ${marks[id] === 'lowest' ? 'asc' : 'desc'}`;
        const query = { ...asked, order, columns: id, limit: 1 };
        const best = (await client.get('/runs', { query, signal })).items[0];
        return best?.metrics[fieldOf(id).key] ?? null;
      }
    }))
  });
  return useMemo(
    () =>
      new Map(
        Object.keys(marks).flatMap((id, index) => {
          const best = found[index];
          // NaN comes last, and first only where there is nothing else.
          return best === undefined || best === null || best === 'NaN' ? [] : [[id, best] as const];
        })
      ),
    [marks, found]
  );
}

/** Return the runs of a table from one to before another, page by page: for files, and for selecting what nobody has seen. */
export async function fetchRuns(
  client: Client,
  { asked, order, wanted }: TableQuery,
  first = 0,
  last = Infinity
): Promise<readonly Run[]> {
  const runs: Run[] = [];
  for (let skip = first; skip < last;) {
    const limit = Math.min(AT_ONCE, last - skip);
    const page = await client.get('/runs', {
      query: { ...asked, ...(order && { order }), ...columnsAsked(wanted), skip, limit }
    });
    runs.push(...page.items);
    skip += limit;
    if (!page.next) {
      break;
    }
  }
  return runs;
}
