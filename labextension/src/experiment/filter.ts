/** The filter as it is typed, and the one that the table shows: the last one that the server could read. */

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { useSession, useVisible } from '../api/context';
import { asApiError } from '../api/errors';
import { asked } from '../common/where/model';

/** How long nobody types until the server is asked. */
const PAUSE_MS = 250;
const AGAIN_MS = 5000;

export interface Filter {
  /** What the table shows. */
  readonly applied: string;
  /** Whether it is not known yet if a filter can be read that was there before. */
  readonly isFirst: boolean;
  readonly error: unknown;
}

export function useFilter(typed: string, subject: string): Filter {
  const { client } = useSession();
  const visible = useVisible();
  const [paused, setPaused] = useState(typed);
  const [applied, setApplied] = useState('');
  useEffect(() => {
    // What is taken away or put back from outside waits for nobody.
    const timer = setTimeout(() => setPaused(typed), typed.trim() ? PAUSE_MS : 0);
    return () => clearTimeout(timer);
  }, [typed]);
  const filter = paused.trim();
  const check = useQuery({
    queryKey: ['filter', subject, filter],
    enabled: visible && filter !== '',
    queryFn: async ({ signal }) => {
      const query = { ...(subject && { experiment: subject }), ...asked(filter), limit: 1, columns: '' };
      await client.get('/runs', { query, signal });
      return true;
    },
    // One that cannot be read is not readable later either.
    refetchInterval: query =>
      query.state.error && asApiError(query.state.error).kind === 'unreachable' ? AGAIN_MS : false
  });
  const isGood = filter === '' || check.data === true;
  if (isGood && applied !== filter) {
    setApplied(filter);
  }
  const isFirst = filter !== '' && applied === '' && check.isPending;
  return { applied, isFirst, error: filter === '' ? null : check.error };
}
