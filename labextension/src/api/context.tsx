/** The session in React: what a component may ask for, say and do. */

import { QueryClientProvider, useQuery } from '@tanstack/react-query';
import type { QueryKey, UseQueryResult } from '@tanstack/react-query';
import type { TranslationBundle } from '@jupyterlab/translation';
import { createContext, useContext, useSyncExternalStore } from 'react';
import type { JSX, ReactNode } from 'react';

import type { ApiError } from './errors';
import type { Session } from './session';
import type { Action } from './types';

const SessionContext = createContext<Session | null>(null);
const VisibleContext = createContext(true);

export function SessionProvider(props: {
  readonly session: Session;
  /** Whether the widget that holds the content is looked at. */
  readonly visible?: boolean;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <SessionContext.Provider value={props.session}>
      <VisibleContext.Provider value={props.visible ?? true}>
        <QueryClientProvider client={props.session.queries}>{props.children}</QueryClientProvider>
      </VisibleContext.Provider>
    </SessionContext.Provider>
  );
}

/** A part of a widget that may be hidden by itself: a tab, a folded section. Queries in it rest meanwhile. */
export function Visible(props: { readonly when: boolean; readonly children: ReactNode }): JSX.Element {
  const visible = useVisible();
  return <VisibleContext.Provider value={visible && props.when}>{props.children}</VisibleContext.Provider>;
}

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) {
    throw new Error('There is no SessionProvider above this component.');
  }
  return session;
}

/** Whether what this component is in is looked at. */
export function useVisible(): boolean {
  return useContext(VisibleContext);
}

/** The translator's bundle: `trans.__('Runs')`, `trans._n('%1 run', '%1 runs', n)`. */
export function useTrans(): TranslationBundle {
  return useSession().lab.trans;
}

/** Whether the server's authorizer lets this person do so. */
export function useCan(action: Action): boolean {
  const { client, queries } = useSession();
  const { data } = useQuery({ queryKey: ['me'], queryFn: () => client.permissions() }, queries);
  return data?.includes(action) ?? true;
}

/** Why this person cannot change anything, or null. */
export function useRefusal(): string | null {
  const trans = useTrans();
  return useCan('write') ? null : trans.__('This server lets you only look.');
}

/** What keeps this page from the server, or null. */
export function useAway(): ApiError | null {
  const { away } = useSession();
  return useSyncExternalStore(away.subscribe, away.snapshot);
}

export interface Live<T> {
  /** Its first word is the topic, and the second the name, by which hints about changes touch it (`api/changes`). */
  readonly key: QueryKey;
  readonly fn: (signal: AbortSignal) => Promise<T>;
  readonly enabled?: boolean;
  /** Whether to go on showing what another key gave until this one answers. */
  readonly keep?: boolean;
}

/** Something of the workspace, asked for while it is looked at, and again when a hint says that it changed. */
export function useLive<T>({ key, fn, enabled = true, keep = false }: Live<T>): UseQueryResult<T> {
  const visible = useVisible();
  return useQuery<T>({
    queryKey: key,
    queryFn: ({ signal }) => fn(signal),
    enabled: visible && enabled,
    ...(keep && { placeholderData: ((before: T | undefined) => before) as never })
  });
}
