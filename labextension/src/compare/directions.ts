/** Which way each metric gets better: guessed by the server from its name, changed by a person, and remembered. */

import { useQuery } from '@tanstack/react-query';

import { useSession } from '../api/context';
import type { Direction } from './model';

const STATE = 'jupyter-mlops:metric-directions';
const KEY = ['metric-directions'] as const;

export type Directions = Readonly<Record<string, Direction>>;

/** Return what was chosen before in any comparison, and what chooses. */
export function useDirections(): readonly [Directions, (name: string, direction: Direction) => void] {
  const { lab, queries } = useSession();
  // One for all comparisons of the page: a query that nothing but `set` changes.
  const { data } = useQuery({
    queryKey: KEY,
    queryFn: async () => readDirections(await lab.state?.fetch(STATE)),
    gcTime: Infinity
  });
  const set = (name: string, direction: Direction): void => {
    const next = { ...queries.getQueryData<Directions>(KEY), [name]: direction };
    queries.setQueryData<Directions>(KEY, next);
    void lab.state?.save(STATE, next);
  };
  return [data ?? {}, set];
}

function readDirections(stored: unknown): Directions {
  const entries = typeof stored === 'object' && stored !== null ? Object.entries(stored) : [];
  return Object.fromEntries(
    entries.filter((entry): entry is [string, Direction] => entry[1] === 'higher' || entry[1] === 'lower')
  );
}
