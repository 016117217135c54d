/** The shape of a metric beside a run, in a few points. Those of many runs are fetched at once. */

import { useQuery } from '@tanstack/react-query';
import type { JSX } from 'react';

import type { Client } from '../api/client';
import { useSession, useVisible } from '../api/context';
import type { MetricValue, ReplyOf, Run } from '../api/types';
import { addressable } from '../curves/names';

type Line = ReplyOf<'/sparklines', 'get'>['items'][number];

/** How long more runs are waited for. Rows that only pass by are gone by then, and not asked for. */
const GATHER_MS = 40;
const MOST_RUNS = 100;

interface Waiting {
  readonly run: string;
  readonly signal: AbortSignal;
  readonly resolve: (line: Line | null) => void;
  readonly reject: (reason: unknown) => void;
}

/** Asks for the lines of the runs that are asked for within a moment in one request. */
class Loader {
  private readonly waiting = new Map<string, Waiting[]>();

  constructor(private readonly client: Client) {}

  load(run: string, key: string, signal: AbortSignal): Promise<Line | null> {
    return new Promise((resolve, reject) => {
      const queue = this.waiting.get(key);
      if (queue) {
        queue.push({ run, signal, resolve, reject });
      } else {
        this.waiting.set(key, [{ run, signal, resolve, reject }]);
        setTimeout(() => void this.flush(key), GATHER_MS);
      }
    });
  }

  private async flush(key: string): Promise<void> {
    const queue = (this.waiting.get(key) ?? []).filter(({ signal }) => !signal.aborted);
    this.waiting.delete(key);
    for (let at = 0; at < queue.length; at += MOST_RUNS) {
      const some = queue.slice(at, at + MOST_RUNS);
      try {
        const query = { key: addressable(key), runs: some.map(({ run }) => run).join(',') };
        const lines = new Map(
          (await this.client.get('/sparklines', { query })).items.map(one => [one.run, one])
        );
        some.forEach(({ run, resolve }) => resolve(lines.get(run) ?? null));
      } catch (error) {
        some.forEach(({ reject }) => reject(error));
      }
    }
  }
}

const LOADERS = new WeakMap<Client, Loader>();

function loaderOf(client: Client): Loader {
  const known = LOADERS.get(client) ?? new Loader(client);
  LOADERS.set(client, known);
  return known;
}

const WIDTH = 46;
const HEIGHT = 14;

export function Sparkline({
  run,
  metric
}: {
  readonly run: Run;
  readonly metric: string;
}): JSX.Element | null {
  const { client } = useSession();
  const visible = useVisible();
  const isLive = run.status === 'RUNNING';
  const { data } = useQuery({
    // What has ended does not change: no hint touches it.
    queryKey: isLive ? ['run', run.id, 'sparkline', metric] : ['sparkline', run.id, metric, run.ended_at],
    queryFn: ({ signal }) => loaderOf(client).load(run.id, metric, signal),
    enabled: visible,
    refetchInterval: false // rows say the same in numbers
  });
  const path = data ? pathOf(data.at, data.values, WIDTH, HEIGHT) : '';
  return path ? (
    <svg
      className="jp-Mlops-sparkline"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      aria-hidden="true"
      data-run={run.id}
    >
      <path d={path} />
    </svg>
  ) : null;
}

/** An SVG path through the points; where there is no number, and at the infinities, it has a gap. */
export function pathOf(
  at: readonly number[],
  values: readonly MetricValue[],
  width: number,
  height: number
): string {
  const points = at.flatMap((x, index) => {
    const value = values[index];
    return [{ x, y: typeof value === 'number' ? value : null }];
  });
  const ys = points.flatMap(({ y }) => (y === null ? [] : [y]));
  if (ys.length < 2) {
    return '';
  }
  const [low, high] = [Math.min(...ys), Math.max(...ys)];
  const [first, last] = [at[0] ?? 0, at.at(-1) ?? 0];
  const place = (x: number, y: number): string => {
    const across = last > first ? (x - first) / (last - first) : 0;
    // Halves, so that the difference of two huge values is none that overflows.
    const up = high > low ? (y / 2 - low / 2) / (high / 2 - low / 2) : 0.5;
    return `${(1 + across * (width - 2)).toFixed(1)},${(height - 1.5 - up * (height - 3)).toFixed(1)}`;
  };
  let path = '';
  let joined = false;
  for (const { x, y } of points) {
    if (y === null) {
      joined = false;
    } else {
      path += `${joined ? 'L' : 'M'}${place(x, y)}`;
      joined = true;
    }
  }
  return path;
}
