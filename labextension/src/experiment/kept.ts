/** What a person set up, kept in Lab's state from one time to the next, for each experiment by itself. */

import { useCallback, useEffect, useRef, useState } from 'react';

import { useSession } from '../api/context';
import { FRESH, readState } from './model';
import type { TableState } from './model';

/** A drag of a column's edge is one change. */
const SAVE_MS = 300;

export type Change = (change: Partial<TableState>) => void;

/** Return the state, null until Lab has said what was kept. */
export function useKept(subject: string): readonly [TableState | null, Change] {
  const { state: database } = useSession().lab;
  const key = `jupyter-mlops:table:${subject}`;
  const [state, setState] = useState<TableState | null>(database ? null : FRESH);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  useEffect(() => {
    let isGone = false;
    void database?.fetch(key).then(
      value => isGone || setState(readState(value)),
      () => isGone || setState(FRESH)
    );
    return () => {
      isGone = true;
    };
  }, [database, key]);

  const change = useCallback(
    (some: Partial<TableState>) =>
      setState(before => {
        const next = { ...(before ?? FRESH), ...some };
        if (database) {
          if (timer.current !== null) {
            clearTimeout(timer.current);
          }
          timer.current = setTimeout(() => void database.save(key, next as never), SAVE_MS);
        }
        return next;
      }),
    [database, key]
  );
  return [state, change];
}
