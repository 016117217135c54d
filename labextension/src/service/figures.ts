/** Rates and latencies out of looks at a service's counters: what came between two looks, whatever started anew meanwhile. */

import type { components } from '../api/schema';

type Schemas = components['schemas'];

/** One look at a service's counters. */
export type Figures = Readonly<Schemas['Figures']>;
export type ReplicaFigures = Readonly<Schemas['ReplicaFigures']>;
export type Answered = Readonly<Schemas['Answered']>;
type Latencies = Readonly<Schemas['Latencies']>;

/** A look that the page keeps. */
export interface Look extends Figures {
  /** By the page's own clock; the server's may differ. */
  readonly heardMs: number;
  /** Nobody looked: the server would have told if anything had changed. */
  readonly isRepeat?: boolean;
}

/** The server looks so often. */
export const EVERY_S = 1;
/** How long looks are kept. */
export const WINDOW_S = 300;
/** Rates and latencies are told of so long: a second alone would jump about. */
export const SPAN_S = 5;
/** Looks further apart than this have a gap between them: nobody was looking. */
export const GAP_S = 12;

/** What happened between two looks, per second where it is a rate. */
export interface Point {
  /** Seconds since the epoch. */
  readonly at: number;
  /** Null where the gateway did not answer at both looks. */
  readonly perS: number | null;
  readonly okPerS: number | null;
  readonly refusedPerS: number | null;
  readonly failedPerS: number | null;
  /** Null where nothing was answered. */
  readonly p50S: number | null;
  readonly p99S: number | null;
  readonly inFlight: number;
  readonly n: number;
}

/** What a deployment or a replica did between two looks. */
export interface Share {
  readonly perS: number | null;
  readonly failedPerS: number | null;
  readonly p50S: number | null;
  readonly p99S: number | null;
  readonly inFlight: number;
  /** Processors in use: 1.5 is one and a half. */
  readonly cpus: number | null;
  readonly memoryBytes: number;
}

/** Add a look, in the place of what was taken for it; forget those that are too old. */
export function withLook(looks: readonly Look[], look: Look): readonly Look[] {
  const kept = looks.filter(one => one.at > look.at - WINDOW_S && !(one.isRepeat && one.at >= look.at));
  const ahead = (kept.at(-1)?.at ?? -Infinity) - look.at;
  if (ahead > WINDOW_S) {
    return [look]; // the server's clock was set back
  }
  return ahead >= 0 ? looks : [...kept, look]; // the same answer again, or one that was long on its way
}

/**
 * Go on where the server, which tells of every change, said nothing: the last look is repeated, so that rates come
 * down to 0 and curves go on. It is told of the moment at which the server last looked for certain, and no later one.
 */
export function withQuiet(looks: readonly Look[], nowMs: number): readonly Look[] {
  const last = looks.at(-1);
  const heardMs = nowMs - EVERY_S * 1000;
  const passedS = last ? (heardMs - last.heardMs) / 1000 : 0;
  return last && passedS > 0.9 * EVERY_S
    ? withLook(looks, { ...last, at: last.at + passedS, heardMs, isRepeat: true })
    : looks;
}

/** A counter that is less than it was began anew at 0. */
export function grown(now: number, before: number): number {
  return now < before ? now : now - before;
}

/** Return the points between looks; where nobody looked for a while, a point without numbers breaks the curves. */
export function points(looks: readonly Figures[]): readonly Point[] {
  const found: Point[] = [];
  let first = 0;
  for (let i = 1; i < looks.length; i++) {
    const [look, previous] = [looks[i], looks[i - 1]];
    if (!look || !previous) {
      continue;
    }
    if (look.at - previous.at > GAP_S) {
      found.push(nothing((look.at + previous.at) / 2));
      first = i;
      continue;
    }
    while (first < i - 1 && look.at - (looks[first]?.at ?? 0) > SPAN_S) {
      first++;
    }
    found.push(pointOver(looks.slice(first, i + 1)));
  }
  return found;
}

function nothing(at: number): Point {
  return {
    at,
    perS: null,
    okPerS: null,
    refusedPerS: null,
    failedPerS: null,
    p50S: null,
    p99S: null,
    inFlight: 0,
    n: 0
  };
}

function pointOver(span: readonly Figures[]): Point {
  const [before, now] = [span[0], span.at(-1)];
  if (!before || !now) {
    throw new Error('A span has two looks at least.');
  }
  const came = answeredIn(span);
  const took = tookBetween(before, now, () => true);
  return {
    at: now.at,
    perS: came && came.requests / came.seconds,
    okPerS: came && came.ok / came.seconds,
    refusedPerS: came && came.refused / came.seconds,
    failedPerS: came && came.failed / came.seconds,
    p50S: quantile(took, 0.5),
    p99S: quantile(took, 0.99),
    inFlight: now.answered?.in_flight ?? 0,
    n: total(took)
  };
}

type Came = Readonly<Record<'requests' | 'ok' | 'refused' | 'failed' | 'seconds', number>>;

/**
 * Return what came between looks that follow each other. A gateway that was loaded anew counts from 0 on: how much
 * came between those two looks nobody knows, so neither that nor its time is counted.
 */
function answeredIn(span: readonly Figures[]): Came | null {
  const sum = { requests: 0, ok: 0, refused: 0, failed: 0, seconds: 0 };
  for (const [i, look] of span.entries()) {
    const [now, before] = [look.answered, span[i - 1]?.answered];
    if (now && before && now.requests >= before.requests) {
      sum.requests += now.requests - before.requests;
      sum.ok += grown(now.ok, before.ok);
      sum.refused += grown(now.refused, before.refused);
      sum.failed += grown(now.failed, before.failed);
      sum.seconds += look.at - (span[i - 1]?.at ?? look.at);
    }
  }
  return sum.seconds > 0 ? sum : null;
}

/** Return what the replicas that pass did in the last seconds; null before the second look. */
export function shareOf(
  looks: readonly Figures[],
  passes: (replica: ReplicaFigures) => boolean
): Share | null {
  const now = looks.at(-1);
  const before = lookBefore(looks);
  if (!now) {
    return null;
  }
  const mine = now.replicas.filter(passes);
  const bare = {
    inFlight: sum(mine.map(one => one.in_flight)),
    memoryBytes: sum(mine.map(one => one.memory_bytes))
  };
  if (!before) {
    return { perS: null, failedPerS: null, p50S: null, p99S: null, cpus: null, ...bare };
  }
  const seconds = now.at - before.at;
  const known = new Map(before.replicas.map(one => [one.id, one]));
  const took = tookBetween(before, now, passes);
  const answered = (wanted: (status: string) => boolean): number =>
    sum(
      mine.flatMap(one =>
        Object.entries(one.statuses)
          .filter(([status]) => wanted(status))
          .map(([status, n]) => grown(n, known.get(one.id)?.statuses[status] ?? 0))
      )
    );
  // Of a replica that is new it is not known when its CPU time was used.
  const cpu = mine.flatMap(one => {
    const old = known.get(one.id);
    return old ? [grown(one.cpu_s, old.cpu_s)] : [];
  });
  return {
    perS: answered(() => true) / seconds,
    failedPerS: answered(status => Number(status) >= 500) / seconds,
    p50S: quantile(took, 0.5),
    p99S: quantile(took, 0.99),
    cpus: cpu.length ? sum(cpu) / seconds : null,
    ...bare
  };
}

/** The look that the last one is compared with: the oldest one within the span, without a gap after it. */
function lookBefore(looks: readonly Figures[]): Figures | null {
  const now = looks.at(-1);
  let found: Figures | null = null;
  for (let i = looks.length - 2, next = now; i >= 0 && now && next; i--) {
    const look = looks[i];
    if (!look || next.at - look.at > GAP_S || (found && now.at - look.at > SPAN_S)) {
      break;
    }
    found = next = look;
  }
  return found;
}

interface Took {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
}

function tookBetween(before: Figures, now: Figures, passes: (replica: ReplicaFigures) => boolean): Took {
  const known = new Map(before.replicas.map(one => [one.id, one.latencies]));
  const added = new Map<number, number>();
  for (const one of now.replicas.filter(passes)) {
    const old: Latencies | undefined = known.get(one.id);
    one.latencies.counts.forEach((count, i) => {
      const bound = one.latencies.bounds_s[i] ?? Infinity;
      added.set(bound, (added.get(bound) ?? 0) + grown(count, old?.counts[i] ?? 0));
    });
  }
  const bounds = [...added.keys()].sort((a, b) => a - b);
  return { bounds, counts: bounds.map(bound => added.get(bound) ?? 0) };
}

function total(took: Took): number {
  return sum(took.counts);
}

/**
 * Return a quantile as Prometheus' `histogram_quantile` does: between the bounds of the bucket it falls into, in
 * proportion. Beyond the last bound nothing is known but that bound. Null where there is nothing.
 */
export function quantile(took: Took, q: number): number | null {
  const wanted = total(took) * q;
  let seen = 0;
  let low = 0;
  for (const [i, bound] of took.bounds.entries()) {
    const count = took.counts[i] ?? 0;
    if (count && seen + count >= wanted) {
      return Number.isFinite(bound) ? low + (bound - low) * ((wanted - seen) / count) : low;
    }
    seen += count;
    low = Number.isFinite(bound) ? bound : low;
  }
  return null;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}

/** A rate for a tile: `0`, `0.4`, `12.3`, `1,234`. */
export function rateText(perS: number | null): string {
  if (perS === null) {
    return '–';
  }
  return perS >= 100 ? Math.round(perS).toLocaleString() : String(Number(perS.toFixed(perS >= 10 ? 1 : 2)));
}

/** A latency: `0.42 ms`, `12 ms`, `1.5 s`. */
export function latencyText(seconds: number | null): string {
  if (seconds === null) {
    return '–';
  }
  const ms = seconds * 1000;
  return ms < 1000 ? `${Number(ms.toPrecision(ms < 100 ? 2 : 3))} ms` : `${Number(seconds.toPrecision(3))} s`;
}
