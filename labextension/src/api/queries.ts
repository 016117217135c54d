/** What all queries have in common. Their answers are never stale by age: `Changes` says when they are. */

import { QueryClient } from '@tanstack/react-query';

/** How long until a server that failed is asked again. */
const AGAIN_MS = 5000;

export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: Infinity,
        gcTime: 60_000,
        retry: false,
        networkMode: 'always', // Lab often runs on this very machine, with no network at all
        refetchOnWindowFocus: false,
        refetchOnReconnect: false,
        refetchInterval: query => (query.state.status === 'error' ? AGAIN_MS : false)
      }
    }
  });
}
