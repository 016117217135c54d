/** What all queries have in common. Their answers are never stale by age: `Changes` says when they are. */

import { QueryClient } from '@tanstack/react-query';

import { asApiError, OF_SERVER } from './errors';

/** How long until a server that failed is asked again. */
const AGAIN_MS = 5000;
/** One that is away, or without our extension, says so by its socket when it is back, and who is a stranger remains one. */
const AWAY_MS = 30_000;

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
        refetchInterval: ({ state }) => (state.status === 'error' ? againMs(state.error) : false)
      }
    }
  });
}

function againMs(error: Error | null): number {
  const { kind } = asApiError(error);
  return OF_SERVER.includes(kind) ? AWAY_MS : AGAIN_MS;
}
