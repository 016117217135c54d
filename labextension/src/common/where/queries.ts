/** What the server knows for completion: names of fields, and the values that runs have in them. */

import type { UseQueryResult } from '@tanstack/react-query';
import { useQuery } from '@tanstack/react-query';

import { useSession } from '../../api/context';
import type { RunFields } from '../../api/types';

/** How old names may be: a new metric need not be offered at once, and a run that logs would ask for all again. */
const FRESH_MS = 30_000;

/** `freshMs` is how old an answer may be that is there already. */
export function useFields(enabled: boolean, freshMs = FRESH_MS): UseQueryResult<RunFields> {
  const { client } = useSession();
  return useQuery({
    queryKey: ['fields'],
    queryFn: ({ signal }) => client.get('/fields', { signal }),
    enabled,
    staleTime: freshMs,
    refetchInterval: false // without names the filter works all the same
  });
}

/** The values of a field that begin so, most frequent first; none where `field` is empty. */
export function useValues(field: string, start: string): readonly string[] {
  const { client } = useSession();
  const { data } = useQuery({
    queryKey: ['fields', field, start],
    queryFn: ({ signal }) =>
      client.get('/fields/{field}/values', { path: { field }, query: { start }, signal }),
    enabled: field !== '',
    staleTime: FRESH_MS,
    refetchInterval: false,
    placeholderData: before => before
  });
  return field && data ? data.values : [];
}
