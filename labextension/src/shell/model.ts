/** What ended since it was last looked, and how a person is told. No Lab here. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { titleOf } from '../activities/model';
import type { Activity, Run } from '../api/types';
import { capital } from '../common/format';
import type { Told } from './settings';

/** Something that goes on for a while. */
export interface Work {
  readonly id: string;
  readonly isActive: boolean;
}

/**
 * Return what ended between two looks. What had ended at the first look is history; what was not there then and has
 * ended now came and went in between.
 */
export function newlyEnded<T extends Work>(
  known: ReadonlyMap<string, boolean> | null,
  now: readonly T[]
): readonly T[] {
  return known === null ? [] : now.filter(one => !one.isActive && known.get(one.id) !== false);
}

/** Remember a look. What went on and is in no list any more stays, until somebody has found out how it ended. */
export function remembered(
  known: ReadonlyMap<string, boolean> | null,
  now: readonly Work[]
): ReadonlyMap<string, boolean> {
  return new Map([...(known ?? []), ...now.map(one => [one.id, one.isActive] as const)]);
}

/** The ids of what went on and is in no list any more. */
export function lostFrom(
  known: ReadonlyMap<string, boolean> | null,
  now: readonly Work[]
): readonly string[] {
  const seen = new Set(now.map(one => one.id));
  return [...(known ?? [])].filter(([id, isActive]) => isActive && !seen.has(id)).map(([id]) => id);
}

export function isToldOf(setting: Told, hasFailed: boolean): boolean {
  return setting === 'all' || (setting === 'failed' && hasFailed);
}

export interface Message {
  readonly type: 'success' | 'error' | 'warning';
  readonly text: string;
}

/** Lab cuts messages at 140 characters: names are cut before, so that what happened is still to be read. */
const NAME = 60;

export function endOfActivity(activity: Activity, trans: TranslationBundle): Message {
  const title = capital(titleOf(activity, trans)).slice(0, NAME);
  switch (activity.state) {
    case 'failed': {
      const why = [activity.error?.detail, activity.error?.hint].filter(Boolean).join(' ');
      return { type: 'error', text: trans.__('%1: failed. %2', title, why) };
    }
    case 'cancelled':
      return { type: 'warning', text: trans.__('%1: cancelled.', title) };
    default: {
      const file = activity.verb === 'images.export' ? activity.result.file : undefined;
      const text =
        typeof file === 'string' ? trans.__('%1: done, in %2.', title, file) : trans.__('%1: done.', title);
      return { type: 'success', text };
    }
  }
}

export function stepOfActivity(activity: Activity, trans: TranslationBundle): string {
  const title = capital(titleOf(activity, trans)).slice(0, NAME);
  return activity.message ? trans.__('%1: %2', title, activity.message) : trans.__('%1…', title);
}

export function endOfRun(run: Run, trans: TranslationBundle): Message {
  const name = run.name.slice(0, NAME);
  switch (run.status) {
    case 'FAILED':
      return { type: 'error', text: trans.__('Run %1 failed. %2', name, run.reason) };
    case 'KILLED':
      return { type: 'warning', text: trans.__('Run %1 was ended. %2', name, run.reason) };
    default:
      return { type: 'success', text: trans.__('Run %1 finished.', name) };
  }
}

/** The service that an activity is about, if it is about one that is still there. */
export function serviceOfActivity(activity: Activity): string | null {
  const [, name] = /^service (.+)$/.exec(activity.subject) ?? [];
  return name !== undefined && activity.verb !== 'services.delete' ? name : null;
}

/** What the status bar says: nothing when nothing goes on. */
export function statusText(nRuns: number, nActivities: number, trans: TranslationBundle): string {
  return [
    nRuns ? trans._n('%1 run', '%1 runs', nRuns) : '',
    nActivities ? trans._n('%1 activity', '%1 activities', nActivities) : ''
  ]
    .filter(Boolean)
    .join(' · ');
}
