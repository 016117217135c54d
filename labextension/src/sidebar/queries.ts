/** Everything the panel lists, asked for as far as it is unfolded. */

import { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import { useLive, useSession } from '../api/context';
import { isRunList, pagesOf } from '../runs/list';
import type { PageRef } from '../runs/list';
import type { KnownRuns } from '../runs/model';
import { useExperiments, useRunPages } from '../runs/queries';
import type { Folds, Slice } from '../tree/model';
import { FOLDED, sectionId } from './model';
import type { Contents, Listing, SectionId } from './model';

const ACTIVITIES = 20;
/** How long a filter rests before it is asked for. */
const TYPING_MS = 200;
/** How long rows are looked at before they are fetched: those that a hand on the scroll bar only passes are not. */
const PASSING_MS = 60;

interface Runs {
  readonly listing: Listing<KnownRuns>;
  /** The filter that these runs have passed. */
  readonly filter: string;
  /** What the server said to the filter that was typed. */
  readonly wrong: Error | null;
  /** Parts of long lists came into view. */
  readonly onSee: (slices: readonly Slice[]) => void;
}

export interface Asked extends Omit<Runs, 'listing'> {
  readonly contents: Contents;
}

export function useContents(typed: string, folds: Folds): Asked {
  const { client } = useSession();
  const isOpen = (id: SectionId): boolean => folds[sectionId(id)] ?? !FOLDED.has(id);
  const { listing: runs, filter, wrong, onSee } = useRuns(typed);
  const models = useListing(['models'], () => client.models());
  const services = useListing(['services'], () => client.services());
  const activities = useListing(['activities', ACTIVITIES], () => client.activities(ACTIVITIES));
  const manifests = useListing(
    ['manifests', 'list'],
    async signal => (await client.get('/manifests', { signal })).items,
    isOpen('manifests')
  );
  const images = useListing(
    ['images', 'list'],
    async signal => (await client.get('/images', { signal })).items,
    isOpen('manifests')
  );
  const snapshots = useListing(
    ['snapshots', 'list'],
    async signal => (await client.get('/snapshots', { signal })).items,
    isOpen('snapshots')
  );
  const hosts = useListing(
    ['hosts', 'list'],
    async signal => (await client.get('/hosts', { signal })).items,
    isOpen('hosts')
  );
  const contents = useMemo(
    () => ({ runs, models, services, activities, manifests, images, snapshots, hosts }),
    [runs, models, services, activities, manifests, images, snapshots, hosts]
  );
  return { contents, filter, wrong, onSee };
}

function useListing<T>(
  key: readonly unknown[],
  fn: (signal: AbortSignal) => Promise<T>,
  enabled = true
): Listing<T> {
  const { data, error } = useLive({ key, fn, enabled });
  return useMemo(() => ({ data, error }), [data, error]);
}

function useRuns(typed: string): Runs {
  const filter = useResting(typed.trim() ? typed : '', TYPING_MS);
  const found = useExperiments(filter);
  const wrong = filter ? found.error : null;
  // What cannot be read filters nothing.
  const all = useExperiments('', wrong !== null || !filter);
  const shown = wrong ? all.data : (found.data ?? all.data);
  const [wanted, onSee] = useWanted();
  const passed = shown?.filter ?? '';
  // What was looked at before the filter was there may be of experiments in which nothing passes it.
  const asked = useMemo(() => {
    const listed = new Set(shown?.items.map(one => one.name));
    return wanted.filter(({ experiment }) => listed.has(experiment));
  }, [wanted, shown]);
  const { pages, error: failed } = useRunPages(asked, passed);
  const error = (filter ? null : found.error) ?? failed;
  const listing = useMemo(
    () => ({ data: shown && { experiments: shown.items, pages }, error }),
    [shown, pages, error]
  );
  return { listing, filter: passed, wrong, onSee };
}

/** The pages of runs that are looked at. */
function useWanted(): readonly [readonly PageRef[], (slices: readonly Slice[]) => void] {
  const [wanted, setWanted] = useState<readonly PageRef[]>([]);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const begun = useRef(false);
  useEffect(() => () => clearTimeout(timer.current), []);
  const onSee = useCallback((slices: readonly Slice[]) => {
    const refs = slices.flatMap(({ list, from, to }) =>
      isRunList(list) ? pagesOf(list, from, to).map(page => ({ ...list.of, page })) : []
    );
    const named = new Map(refs.map(ref => [JSON.stringify(ref), ref]));
    const ask = (): void =>
      setWanted(before => {
        const same = before.length === named.size && before.every(ref => named.has(JSON.stringify(ref)));
        return same ? before : [...named.values()];
      });
    clearTimeout(timer.current);
    timer.current = setTimeout(ask, begun.current ? PASSING_MS : 0);
    begun.current ||= named.size > 0;
  }, []);
  return [wanted, onSee];
}

/** What was said last, once it has stayed so for a while; that there is nothing any more counts at once. */
function useResting(value: string, ms: number): string {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return value && rested;
}
