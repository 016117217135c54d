/** A choice that a person made in a view (a tab, a scale), kept in Lab's state for the next time. */

import { useEffect, useMemo, useState } from 'react';

import { useSession } from '../api/context';

const choices = new Map<string, unknown>();
const PREFIX = 'jupyter-mlops:view:';

/** As `useState`. `key` names the choice across all views that share it; what is stored of another type is not believed. */
export function useKept<T extends string | number | boolean>(
  key: string,
  first: T
): readonly [T, (value: T) => void] {
  const { state } = useSession().lab;
  const [value, setValue] = useState<T>(() => believed(choices.get(key), first));
  useEffect(() => {
    if (state === null || choices.has(key)) {
      return;
    }
    let isHere = true;
    state.fetch(PREFIX + key).then(
      stored => {
        if (isHere && !choices.has(key)) {
          setValue(believed(stored, first));
        }
      },
      () => undefined // what cannot be read was never kept
    );
    return () => {
      isHere = false;
    };
  }, [state, key, first]);
  const keep = (next: T): void => {
    choices.set(key, next);
    setValue(next);
    void state?.save(PREFIX + key, next);
  };
  return [value, keep];
}

/** As `useKept`, of any shape: `read` makes of what is stored, whatever that is, what the view goes by. It must stay the same function. */
export function useKeptAs<T>(key: string, read: (stored: unknown) => T): readonly [T, (value: T) => void] {
  const [text, setText] = useKept<string>(key, '');
  const value = useMemo(() => read(parsed(text)), [text, read]);
  return [value, next => setText(JSON.stringify(next))];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function believed<T>(stored: unknown, first: T): T {
  return typeof stored === typeof first ? (stored as T) : first;
}
