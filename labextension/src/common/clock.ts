/** The time, for rows that say how long ago: one timer for all of them, none when there are none. */

import { useSyncExternalStore } from 'react';

const TICK_MS = 20_000;

let now = Date.now() / 1000;
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    now = Date.now() / 1000;
    timer = setInterval(() => {
      now = Date.now() / 1000;
      listeners.forEach(tell => tell());
    }, TICK_MS);
  }
  return () => {
    listeners.delete(listener);
    if (!listeners.size && timer !== null) {
      clearInterval(timer);
      timer = null;
    }
  };
}

/** Seconds since the epoch, told again every 20 seconds. */
export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now);
}
