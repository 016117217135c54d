/** Experiments and pages of their runs, as far as they are looked at. */

import { useQueries, useQuery } from '@tanstack/react-query';
import type { QueryClient, UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';

import { useSession, useVisible } from '../api/context';
import type { Experiment, Run } from '../api/types';
import { asked } from '../common/where/model';
import { PAGE } from './list';
import type { PageRef, Pages } from './list';

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
      const { items } = await client.get('/experiments', { query: asked(filter), signal });
      return { filter, items };
    },
    enabled: visible && enabled,
    placeholderData: before => before,
    // What is wrong with a filter stays wrong until it is changed.
    ...(filter && { refetchInterval: false as const })
  });
}

const key = ({ experiment, page }: PageRef, filter: string): readonly unknown[] => [
  'runs',
  'page',
  filter,
  experiment,
  page
];

/** Pages of runs: those that are looked at are fetched, and what was fetched a moment ago is shown with them. */
export function useRunPages(
  wanted: readonly PageRef[],
  filter: string
): { readonly pages: ReadonlyMap<string, Pages>; readonly error: Error | null } {
  const { client, queries } = useSession();
  const visible = useVisible();
  const results = useQueries({
    queries: wanted.map(ref => ({
      queryKey: key(ref, filter),
      queryFn: async ({ signal }: { readonly signal: AbortSignal }) => {
        const { experiment, page } = ref;
        const query = { experiment, limit: PAGE, skip: page * PAGE, ...asked(filter) };
        return (await client.get('/runs', { query, signal })).items;
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
function knownPages(
  queries: QueryClient,
  filter: string,
  wanted: readonly PageRef[]
): ReadonlyMap<string, Pages> {
  const found = new Map<string, Map<number, readonly Run[]>>();
  const put = (experiment: string, page: number, runs: readonly Run[] | undefined): void => {
    const pages = found.get(experiment) ?? new Map<number, readonly Run[]>();
    if (runs && !pages.has(page)) {
      found.set(experiment, pages.set(page, runs));
    }
  };
  wanted.forEach(ref => put(ref.experiment, ref.page, queries.getQueryData(key(ref, filter))));
  const cached = queries.getQueriesData<readonly Run[]>({ queryKey: ['runs', 'page', filter] });
  cached.forEach(([[, , , experiment, page], runs]) => put(experiment as string, page as number, runs));
  return found;
}
