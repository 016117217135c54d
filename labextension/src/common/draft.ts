/** What a person writes and has not saved: it outlives a look at another tab, until it is saved or cancelled. */

import { useState, useSyncExternalStore } from 'react';

import { useSession } from '../api/context';

/** All that is being written in this page, by what it is about. */
export class Drafts {
  private readonly written = new Map<string, unknown>();
  private readonly watching = new Set<() => void>();

  get(about: string): unknown {
    return this.written.get(about);
  }

  /** Keep what is written about something; `undefined`: nothing is any more. */
  set(about: string, value: unknown): void {
    if (value === undefined) {
      this.written.delete(about);
    } else {
      this.written.set(about, value);
    }
    this.watching.forEach(one => one());
  }

  readonly subscribe = (watch: () => void): (() => void) => {
    this.watching.add(watch);
    return () => this.watching.delete(watch);
  };
}

export interface Writing<T> {
  /** `undefined`: nothing is being written. */
  readonly draft: T | undefined;
  /** Whether it was begun in this component: what was begun before a look elsewhere must not take the focus. */
  readonly isBegunHere: boolean;
  readonly write: (draft: T) => void;
  readonly cancel: () => void;
  /** It is saved: cancel it, unless somebody wrote on meanwhile. */
  readonly saved: (draft: T) => void;
}

/** What is being written about something; `about` names it across all views that show it. */
export function useDraft<T>(about: string): Writing<T> {
  const { drafts } = useSession();
  const draft = useSyncExternalStore(drafts.subscribe, () => drafts.get(about)) as T | undefined;
  const [isBegunHere, setBegunHere] = useState(false);
  return {
    draft,
    isBegunHere,
    write: next => {
      drafts.set(about, next);
      setBegunHere(true);
    },
    cancel: () => drafts.set(about, undefined),
    saved: was => {
      if (drafts.get(about) === was) {
        drafts.set(about, undefined);
      }
    }
  };
}
