/** Something that changes without a hint, such as counters: the server tells of it while it is looked at. */

import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { QueryKey, UseQueryResult } from '@tanstack/react-query';
import { useEffect, useSyncExternalStore } from 'react';

import { useSession, useVisible } from './context';

/** How often the server is asked where it cannot tell: a proxy lets no socket through, or it is away. */
const ASK_MS = 5000;

export interface Pushed<Answer, Data, Shown> {
  readonly key: QueryKey;
  /** What is watched: an address of `client.address`. */
  readonly address: string;
  readonly ask: (signal: AbortSignal) => Promise<Answer>;
  /** Return what is known with an answer, asked for or told. */
  readonly take: (before: Data | undefined, answer: Answer) => Data;
  /** Return what is known where the server, which would have told of a change, said nothing. */
  readonly quiet?: (data: Data, nowMs: number) => Data;
  readonly shown: (data: Data) => Shown;
  readonly enabled?: boolean;
  /** Whether it is watched, or asked for once. */
  readonly follow?: boolean;
  /** Whether to ask whenever it is looked at, whatever is known. */
  readonly always?: boolean;
}

export function usePushed<Answer, Data, Shown>(pushed: Pushed<Answer, Data, Shown>): UseQueryResult<Shown> {
  const { key, address, ask, take, quiet, enabled = true, follow = true, always = false } = pushed;
  const { feed } = useSession();
  const queries = useQueryClient();
  const isLooked = useVisible() && enabled;
  const isHeard = useSyncExternalStore(feed.subscribe, () => feed.hears(address));
  useEffect(() => {
    if (!isLooked || !follow) {
      return;
    }
    return feed.watch(address, {
      onAnswer: answer => queries.setQueryData<Data>(key, before => take(before, answer as Answer)),
      onProblem: () => void queries.invalidateQueries({ queryKey: key, exact: true }),
      onTick: quiet && (nowMs => queries.setQueryData<Data>(key, before => before && quiet(before, nowMs)))
    });
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the address says which it is, and the rest follows from it
  }, [feed, queries, address, isLooked, follow]);
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }) => {
      const answer = await ask(signal);
      return take(queries.getQueryData<Data>(key), answer); // it may have been told of meanwhile
    },
    select: pushed.shown,
    enabled: isLooked,
    structuralSharing: false, // what is known is put together with care, and long
    ...(always && { refetchOnMount: 'always' as const }),
    refetchInterval: follow && !isHeard ? ASK_MS : false
  });
}
