import { describe, expect, it } from 'vitest';

import {
  GAP_S,
  WINDOW_S,
  latencyText,
  points,
  quantile,
  rateText,
  shareOf,
  withLook,
  withQuiet
} from './figures';
import type { Look, ReplicaFigures } from './figures';

const BOUNDS = [0.001, 0.01, 0.1];

function replica(change: Partial<ReplicaFigures> = {}): ReplicaFigures {
  return {
    id: 'aa01',
    deployment: 'blue',
    current: true,
    manifest: 'churn:1',
    host: 'process',
    started_at: 0,
    state: 'ready',
    pid: 7,
    container: '',
    in_flight: 0,
    statuses: {},
    latencies: { bounds_s: [...BOUNDS], counts: [0, 0, 0, 0] },
    cpu_s: 0,
    memory_bytes: 1e8,
    n_kept: 0,
    n_lost: 0,
    ...change
  };
}

/** As the page heard it, whose clock is far from the server's. */
function look(at: number, requests: number, replicas: ReplicaFigures[] = [], failed = 0): Look {
  const answered = { requests, ok: requests - failed, refused: 0, failed, in_flight: 2 };
  return { at, heardMs: at * 1000 + 5e6, answered, replicas, restarts: {}, agent: true, trouble: '' };
}

describe('points', () => {
  it('are rates over the last seconds, and none is told of one look', () => {
    expect(points([look(100, 50)])).toEqual([]);
    const [first, second] = points([look(100, 50), look(101, 60), look(102, 90, [], 10)]);
    expect(first).toMatchObject({ at: 101, perS: 10, failedPerS: 0, inFlight: 2, p50S: null });
    expect(second).toMatchObject({ at: 102, perS: 20, failedPerS: 5 });
  });

  it('leave out the moment in which a gateway was loaded anew, and counts from 0 again', () => {
    expect(points([look(100, 5000), look(102, 6)])[0]?.perS).toBeNull();
    const found = points([look(100, 5000), look(101, 5010), look(102, 3), look(103, 13)]);
    expect(found.map(one => one.perS)).toEqual([10, 10, 10]);
  });

  it('have a break where nobody looked', () => {
    const found = points([
      look(100, 0),
      look(101, 1),
      look(101 + GAP_S + 1, 500),
      look(102 + GAP_S + 1, 502)
    ]);
    expect(found.map(one => one.perS)).toEqual([1, null, 2]);
  });

  it('have no rate while no gateway answers, and latencies all the same', () => {
    const before = { ...look(100, 0, [replica()]), answered: null };
    const now = {
      ...look(101, 0, [replica({ latencies: { bounds_s: [...BOUNDS], counts: [4, 0, 0, 0] } })]),
      answered: null
    };
    expect(points([before, now])[0]).toMatchObject({ perS: null, p50S: 0.0005, n: 4 });
  });
});

describe('quantile', () => {
  it('lies in its bucket in proportion', () => {
    expect(quantile({ bounds: [...BOUNDS, Infinity], counts: [50, 40, 10, 0] }, 0.5)).toBeCloseTo(0.001);
    expect(quantile({ bounds: [...BOUNDS, Infinity], counts: [50, 40, 10, 0] }, 0.99)).toBeCloseTo(0.091);
  });

  it('is the last bound for what took longer, and nothing of nothing', () => {
    expect(quantile({ bounds: [...BOUNDS, Infinity], counts: [0, 0, 0, 3] }, 0.5)).toBe(0.1);
    expect(quantile({ bounds: [], counts: [] }, 0.5)).toBeNull();
  });
});

describe('a share', () => {
  it('is of the replicas that pass, those that came meanwhile too', () => {
    const blue = replica({ statuses: { '200': 100, '500': 2 }, cpu_s: 1, in_flight: 1 });
    const later = replica({ statuses: { '200': 108, '500': 4 }, cpu_s: 2, in_flight: 3 });
    const fresh = replica({ id: 'bb02', statuses: { '200': 6 }, cpu_s: 3 });
    const green = replica({ id: 'cc03', deployment: 'green', statuses: { '200': 1000 } });
    const looks = [look(100, 0, [blue, green]), look(102, 0, [later, fresh, green])];
    expect(shareOf(looks, one => one.deployment === 'blue')).toMatchObject({
      perS: 8,
      failedPerS: 1,
      cpus: 0.5,
      inFlight: 3,
      memoryBytes: 2e8
    });
    expect(shareOf(looks, one => one.deployment === 'green')?.perS).toBe(0);
  });

  it('has no rate before the second look', () => {
    expect(shareOf([], () => true)).toBeNull();
    expect(shareOf([look(1, 2, [replica()])], () => true)).toMatchObject({ perS: null, memoryBytes: 1e8 });
  });
});

describe('a server whose clock is set back', () => {
  it('is told of anew from then on', () => {
    const before = [look(10_000, 5), look(10_001, 6)];
    expect(withLook(before, look(9_999, 5))).toBe(before);
    const now = withLook(withLook(before, look(6400, 7)), look(6401, 9));
    expect(now.map(one => one.at)).toEqual([6400, 6401]);
    expect(points(now).at(-1)?.perS).toBe(2);
  });
});

describe('a service of which nothing is told', () => {
  const told = [look(100, 0), look(101, 10), look(102, 20)];
  let looks: readonly Look[] = told;
  for (let atS = 102.4; atS < 120; atS++) {
    looks = withQuiet(looks, atS * 1000 + 5e6);
  }

  it('has rates that come down to 0, and a curve that goes on without a gap', () => {
    const found = points(looks);
    expect(found.at(-1)?.at).toBeCloseTo(118.4);
    expect(found.at(-1)?.perS).toBe(0);
    expect(found.some(one => one.perS === null)).toBe(false);
  });

  it('is told of as far as the server has looked for certain: what it tells next comes after that', () => {
    expect(withQuiet(told, 103.8 * 1000 + 5e6)).toBe(told);
    const now = withLook(looks, look(119.3, 30));
    expect(now.filter(one => !one.isRepeat)).toHaveLength(4);
    expect(points(now).at(-1)?.perS).toBeCloseTo(10 / 5, 0);
    const late = withLook(looks, look(118.3, 30)); // one that was long on its way takes the place of its repeat
    expect(late.at(-1)).toMatchObject({ at: 118.3 });
    expect(late.at(-2)?.at).toBeCloseTo(117.4);
  });
});

it('looks are kept for a while, and the same one once', () => {
  let looks: readonly Look[] = [];
  for (let at = 0; at <= 2 * WINDOW_S; at += 10) {
    looks = withLook(withLook(looks, look(at, at)), look(at, at));
  }
  expect(looks).toHaveLength(WINDOW_S / 10);
  expect(looks.at(-1)?.at).toBe(2 * WINDOW_S);
});

it('numbers are as short as they are true', () => {
  expect([null, 0, 0.4, 12.34, 1234.5].map(rateText)).toEqual([
    '–',
    '0',
    '0.4',
    '12.3',
    (1235).toLocaleString()
  ]);
  expect([null, 0.000_42, 0.0123, 0.25, 1.5].map(latencyText)).toEqual([
    '–',
    '0.42 ms',
    '12 ms',
    '250 ms',
    '1.5 s'
  ]);
});
