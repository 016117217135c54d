/** A service as its view tells of it. */

import type { components } from '../api/schema';
import type { Activity, Model, Service } from '../api/types';
import { grown } from './figures';

type Counts = Readonly<components['schemas']['ServiceCounts']>;
export type Deployment = Service['deployments'][number];

/** How many requests a service gets. */
export interface ServiceRates {
  readonly perS: number;
  readonly failedPerS: number;
}

/** Return rates by service between two looks at the counters; what was known stays where no time has passed. */
export function ratesBetween(
  before: readonly Counts[],
  now: readonly Counts[],
  known?: ReadonlyMap<string, ServiceRates>
): ReadonlyMap<string, ServiceRates> {
  const old = new Map(before.map(one => [one.service, one]));
  const found = new Map<string, ServiceRates>();
  for (const one of now) {
    const previous = old.get(one.service);
    const seconds = previous ? one.at - previous.at : 0;
    const kept = known?.get(one.service);
    const isSame = previous && one.answered.requests >= previous.answered.requests; // else it was loaded anew
    if (isSame && seconds > 0) {
      found.set(one.service, {
        perS: (one.answered.requests - previous.answered.requests) / seconds,
        failedPerS: grown(one.answered.failed, previous.answered.failed) / seconds
      });
    } else if (kept) {
      found.set(one.service, kept);
    }
  }
  return found;
}

/** What services have counted, as it was told last. */
export interface Counted {
  readonly counts: readonly Counts[];
  readonly rates: ReadonlyMap<string, ServiceRates>;
  /** When they were told, by the page's clock, and until when nothing changed. */
  readonly heardMs: number;
  readonly quietMs: number;
}

/** The server looks so often. */
const EVERY_MS = 2000;

/** Return what is known with what was counted since. */
export function withCounts(before: Counted | undefined, counts: readonly Counts[], nowMs: number): Counted {
  const quietS = before ? Math.max(0, before.quietMs - before.heardMs - EVERY_MS) / 1000 : 0;
  const old = (before?.counts ?? []).map(one => ({ ...one, at: one.at + quietS }));
  return { counts, rates: ratesBetween(old, counts, before?.rates), heardMs: nowMs, quietMs: nowMs };
}

/** Return what is known where the server, which tells of every change, said nothing: soon that nothing comes. */
export function withQuietCounts(before: Counted, nowMs: number): Counted {
  const isOver =
    nowMs - before.heardMs > 2 * EVERY_MS && [...before.rates.values()].some(one => one.perS > 0);
  const rates = isOver ? new Map([...before.rates.keys()].map(name => [name, NONE])) : before.rates;
  return { ...before, rates, quietMs: nowMs };
}

const NONE: ServiceRates = { perS: 0, failedPerS: 0 };

/** `NAME:VERSION` of the models that a service serves. */
export function servedModels(service: Service, models: readonly Model[]): readonly string[] {
  return models
    .flatMap(model => model.versions)
    .filter(version => version.services.includes(service.name))
    .map(version => `${version.name}:${version.version}`);
}

export function isActive(activity: Activity): boolean {
  return activity.state === 'queued' || activity.state === 'running';
}

/** What goes on with a service, and how the last thing that did not go well ended. */
export function activitiesOf(
  name: string,
  activities: readonly Activity[]
): { readonly active: readonly Activity[]; readonly failed: Activity | null } {
  const mine = activities
    .filter(one => one.subject === `service ${name}`)
    .sort((a, b) => b.created_at - a.created_at);
  const last = mine[0];
  return { active: mine.filter(isActive), failed: last?.state === 'failed' ? last : null };
}

/** Weights by deployment, as the service has them. */
export function weightsOf(service: Service): Readonly<Record<string, number>> {
  return Object.fromEntries(service.deployments.map(one => [one.name, one.weight]));
}

export function nWanted(service: Service): number {
  return service.deployments.reduce((sum, one) => sum + one.replicas, 0);
}
