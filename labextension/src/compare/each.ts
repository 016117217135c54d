/** Something of each of many runs, one query for each: a hint about one run asks for this one alone. */

import { QueryObserver } from '@tanstack/react-query';
import type { QueryClient } from '@tanstack/react-query';
import { useMemo, useSyncExternalStore } from 'react';

import type { Client } from '../api/client';
import { useSession, useVisible } from '../api/context';

/** Ids that one address holds also behind proxies that take no more than 8 kB. */
const MOST_IDS = 100;
/** How long answers are gathered while others are under way: each time the whole page is drawn. */
const GATHER_MS = 400;

export type Read<T> = (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>;

/** Asks for many runs at once what is asked for each by itself: three hundred runs are three requests. */
export class Batch<T> {
  private waiting = new Map<
    string,
    { resolve: (value: T | null) => void; reject: (error: unknown) => void }[]
  >();

  constructor(private readonly read: Read<T>) {}

  /** Return what there is of a run, null where the answer does not name it. */
  ask(id: string): Promise<T | null> {
    return new Promise((resolve, reject) => {
      if (!this.waiting.size) {
        setTimeout(() => this.send(), 0);
      }
      const asker = { resolve, reject };
      const others = this.waiting.get(id);
      if (others) {
        others.push(asker);
      } else {
        this.waiting.set(id, [asker]);
      }
    });
  }

  private send(): void {
    const all = [...this.waiting];
    this.waiting = new Map();
    for (let at = 0; at < all.length; at += MOST_IDS) {
      const part = all.slice(at, at + MOST_IDS);
      this.read(part.map(([id]) => id)).then(
        found =>
          part.forEach(([id, askers]) => askers.forEach(asker => asker.resolve(found.get(id) ?? null))),
        (error: unknown) => part.forEach(([, askers]) => askers.forEach(asker => asker.reject(error)))
      );
    }
  }
}

export interface Each<T> {
  /** What came, by run; runs of which there is nothing are left out. */
  readonly values: ReadonlyMap<string, T>;
  readonly isLoading: boolean;
  readonly error: unknown;
}

/**
 * Follows the queries of many runs. TanStack's own hook for several queries looks at all of them whenever one of them is
 * answered, a thousand times a thousand; here they are looked at once for all answers that came.
 */
export class Following<T> {
  private readonly observers: ReadonlyMap<string, QueryObserver<T | null>>;
  private readonly listeners = new Set<() => void>();
  private stops: readonly (() => void)[] = [];
  /** Those that have not been answered yet. */
  private readonly pending: Set<string>;
  private timer: { readonly id: ReturnType<typeof setTimeout>; readonly isLast: boolean } | null = null;
  private now: Each<T>;

  constructor(
    queries: QueryClient,
    ids: readonly string[],
    part: string,
    ask: (id: string) => Promise<T | null>,
    enabled: boolean
  ) {
    this.observers = new Map(
      ids.map(id => [
        id,
        new QueryObserver<T | null>(queries, {
          queryKey: ['run', id, 'compared', part],
          queryFn: () => ask(id),
          enabled,
          notifyOnChangeProps: ['data', 'error', 'status']
        })
      ])
    );
    this.pending = new Set(enabled ? ids : []);
    this.now = this.look();
  }

  readonly snapshot = (): Each<T> => this.now;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    if (this.listeners.size === 1) {
      this.stops = [...this.observers].map(([id, observer]) =>
        observer.subscribe(({ status }) => {
          if (status !== 'pending') {
            this.pending.delete(id);
          }
          this.wait();
        })
      );
      this.tell(); // what came before anybody listened
    }
    return () => {
      this.listeners.delete(listener);
      if (!this.listeners.size) {
        this.stops.forEach(stop => stop());
        this.stops = [];
        this.rest();
      }
    };
  };

  private wait(): void {
    const isLast = !this.pending.size;
    if (!this.timer || (isLast && !this.timer.isLast)) {
      this.rest();
      this.timer = { id: setTimeout(() => this.tell(), isLast ? 0 : GATHER_MS), isLast };
    }
  }

  private rest(): void {
    clearTimeout(this.timer?.id);
    this.timer = null;
  }

  private tell(): void {
    this.timer = null;
    const next = this.look();
    if (!isSame(next, this.now)) {
      this.now = next;
      this.listeners.forEach(listener => listener());
    }
  }

  private look(): Each<T> {
    const values = new Map<string, T>();
    let error: unknown = null;
    for (const [id, observer] of this.observers) {
      const { state } = observer.getCurrentQuery();
      if (state.data !== undefined && state.data !== null) {
        values.set(id, state.data);
      }
      if (state.status !== 'pending') {
        this.pending.delete(id);
      }
      error ??= state.error;
    }
    return { values, isLoading: this.pending.size > 0, error };
  }
}

function isSame<T>(a: Each<T>, b: Each<T>): boolean {
  return (
    a.isLoading === b.isLoading &&
    a.error === b.error &&
    a.values.size === b.values.size &&
    [...a.values].every(([id, value]) => b.values.get(id) === value)
  );
}

/** `part` names what is asked of each run: all that `read` depends on. */
export function useEach<T>(ids: readonly string[], part: string, read: (client: Client) => Read<T>): Each<T> {
  const { client, queries } = useSession();
  const enabled = useVisible();
  const named = ids.join(',');
  // eslint-disable-next-line react-hooks/exhaustive-deps -- `read` is another function each time, and does the same while `part` does
  const batch = useMemo(() => new Batch(read(client)), [client, part]);
  const following = useMemo(
    () => new Following<T>(queries, named ? named.split(',') : [], part, id => batch.ask(id), enabled),
    [queries, named, part, batch, enabled]
  );
  return useSyncExternalStore(following.subscribe, following.snapshot);
}
