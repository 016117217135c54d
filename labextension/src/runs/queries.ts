/** Experiments and pages of their runs, as far as they are looked at. */

import { useQueries, useQuery } from '@tanstack/react-query';
import type { QueryClient, UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';

import { useSession, useVisible } from '../api/context';
import type { Experiment } from '../api/types';
import { asked } from '../common/where/model';
import { listKey, PAGE } from './list';
import type { KnownPages, Page, PageRef } from './list';

/** Experiments with the filter that they passed, as it was typed. */
export interface Found {
  readonly filter: string;
  readonly items: readonly Experiment[];
}

/** The experiments with runs that match, or all. An answer is shown until the next one is there. */
export function useExperiments(filter: string, enabled = true): UseQueryResult<Found> {
  const { client } = useSession();
  const visible = useVisible();
  return useQuery<Found>({
    queryKey: ['experiments', 'found', filter],
    queryFn: async ({ signal }) => {
      const query = filter ? asked(filter) : { roots: true };
      const { items } = await client.get('/experiments', { query, signal });
      return { filter, items };
    },
    enabled: visible && enabled,
    placeholderData: before => before,
    // What is wrong with a filter stays wrong until it is changed.
    ...(filter && { refetchInterval: false as const })
  });
}

const key = (ref: PageRef, filter: string): readonly unknown[] => [
  'runs',
  'page',
  filter,
  listKey(ref),
  ref.page
];

/** Of a filtered list all that match are shown, whatever they are below. */
function askedOf({ parent }: PageRef, filter: string): object {
  if (filter) {
    return asked(filter);
  }
  return { children: true, ...(parent === null ? { roots: true } : { where: `parent = '${parent}'` }) };
}

/** Pages of runs: those that are looked at are fetched, and what was fetched a moment ago is shown with them. */
export function useRunPages(
  wanted: readonly PageRef[],
  filter: string
): { readonly pages: KnownPages; readonly error: Error | null } {
  const { client, queries } = useSession();
  const visible = useVisible();
  const results = useQueries({
    queries: wanted.map(ref => ({
      queryKey: key(ref, filter),
      queryFn: async ({ signal }: { readonly signal: AbortSignal }) => {
        const { experiment, page } = ref;
        const query = { experiment, limit: PAGE, skip: page * PAGE, ...askedOf(ref, filter) };
        const { items, n_children } = await client.get('/runs', { query, signal });
        return { runs: items, nChildren: n_children };
      },
      enabled: visible
    }))
  });
  // The results are another list at each drawing: this tells whether there is anything new in it.
  const stamp = results.map(one => one.dataUpdatedAt).join();
  const pages = useMemo(
    () => knownPages(queries, filter, wanted),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- what is read of the cache changes with the stamp
    [queries, filter, wanted, stamp]
  );
  return { pages, error: results.find(one => one.error)?.error ?? null };
}

/** Those that are looked at come first: where another one, fetched before, says otherwise, they are right. */
function knownPages(queries: QueryClient, filter: string, wanted: readonly PageRef[]): KnownPages {
  const found = new Map<string, Map<number, Page>>();
  const put = (list: string, number: number, page: Page | undefined): void => {
    const pages = found.get(list) ?? new Map<number, Page>();
    if (page && !pages.has(number)) {
      found.set(list, pages.set(number, page));
    }
  };
  wanted.forEach(ref => put(listKey(ref), ref.page, queries.getQueryData(key(ref, filter))));
  const cached = queries.getQueriesData<Page>({ queryKey: ['runs', 'page', filter] });
  cached.forEach(([[, , , list, number], page]) => put(list as string, number as number, page));
  return found;
}
