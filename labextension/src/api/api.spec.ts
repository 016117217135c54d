import { QueryObserver } from '@tanstack/react-query';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { CHANGE_SCHEMA, VERSION } from '../tokens';
import { HandServer } from '../testing/server';
import { run, workspace } from '../testing/records';
import { Bridge } from './bridge';
import { Changes, readHint } from './changes';
import { refusal } from './errors';
import { makeQueryClient } from './queries';

describe('the client', () => {
  it('asks below the base URL and says what it wants', async () => {
    const server = new HandServer();
    server.runs = [run({ experiment: 'a b' })];
    expect(await server.client.runs({ experiment: 'a b', limit: 5 })).toHaveLength(1);
    expect(server.asked).toEqual(['runs?experiment=a+b&limit=5']);
  });

  it('says so when the server does not answer', async () => {
    const server = new HandServer();
    server.refuse.set('models', () => {
      throw new TypeError('fetch failed');
    });
    await expect(server.client.models()).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('says so when a login page comes instead', async () => {
    const server = new HandServer();
    server.refuse.set('models', () => new Response('<html>log in</html>'));
    await expect(server.client.models()).rejects.toMatchObject({ kind: 'problem' });
  });
});

describe('a refusal', () => {
  const problem = {
    type: 't',
    title: 'T',
    code: 'unavailable',
    detail: 'The tracking server does not answer.',
    hint: 'mlops status'
  };

  it('is told in the words of the server', () => {
    expect(refusal(503, JSON.stringify({ ...problem, status: 503 }))).toMatchObject({
      kind: 'problem',
      message: problem.detail,
      hint: problem.hint
    });
  });

  it('with 404 from Jupyter itself means that the extension is not there', () => {
    const error = refusal(404, JSON.stringify({ message: 'Not Found', reason: null }));
    expect(error.kind).toBe('absent');
    expect(error.hint).toContain('jupyter server extension enable jupyter_mlops');
  });

  it.each([401, 403])('with %d is about permission', status => {
    expect(refusal(status, '<html>').kind).toBe('forbidden');
  });
});

describe('a hint', () => {
  it('is read from the event bus', () => {
    const emission = {
      schema_id: CHANGE_SCHEMA,
      workspace: 'w1',
      seq: 3,
      kind: 'run',
      name: 'r1',
      verb: 'start'
    };
    expect(readHint(emission)).toEqual({ workspace: 'w1', seq: 3, kind: 'run', name: 'r1' });
  });

  it('of somebody else is left alone', () => {
    expect(
      readHint({ schema_id: 'https://events.jupyter.org/contents', kind: 'run', workspace: 'w1' })
    ).toBeNull();
  });
});

describe('changes', () => {
  const queries = makeQueryClient();
  const server = new HandServer();
  let changes: Changes;
  let n = { runs: 0, models: 0 };

  beforeEach(async () => {
    vi.useFakeTimers();
    n = { runs: 0, models: 0 };
    server.events = [];
    server.asked.length = 0;
    queries.clear();
    queries.setQueryData(['workspace'], workspace({ id: 'w1', seq: 10 }));
    changes = new Changes(queries, server.client);
    for (const topic of ['runs', 'models'] as const) {
      const observer = new QueryObserver(queries, {
        queryKey: [topic],
        queryFn: () => Promise.resolve(++n[topic])
      });
      observer.subscribe(() => undefined);
    }
    await vi.advanceTimersByTimeAsync(0);
  });

  afterEach(() => {
    changes.dispose();
    vi.useRealTimers();
  });

  it('refetch the lists that a hint touches, and only those', async () => {
    changes.hint({ workspace: 'w1', seq: 11, kind: 'run', name: 'r1' });
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 1 });
  });

  it('in the store by whatever program may be of models too', async () => {
    changes.hint({ workspace: 'w1', seq: 10, kind: 'run', name: '' });
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 2 });
  });

  it('of a thousand hints refetch at once and then at a bearable pace, the last included', async () => {
    for (let seq = 11; seq < 1011; seq++) {
      changes.hint({ workspace: 'w1', seq, kind: 'run', name: 'r1' });
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(600);
    expect(n.runs).toBeGreaterThanOrEqual(3);
    expect(n.runs).toBeLessThanOrEqual(4);
  });

  it('that were missed are asked for by seq', async () => {
    changes.hint({ workspace: 'w1', seq: 12, kind: 'run', name: 'r1' });
    await vi.advanceTimersByTimeAsync(600);
    server.events = [
      { seq: 13, at: 0, actor: 'ada', kind: 'model', name: 'churn', verb: 'register', body: {} }
    ];
    await changes.catchUp();
    await vi.advanceTimersByTimeAsync(0);
    expect(server.asked).toEqual(['events?after=12']);
    expect(n).toEqual({ runs: 2, models: 2 });
    await changes.catchUp();
    expect(server.asked).toEqual(['events?after=12', 'events?after=13']);
  });

  it('let a fetch that is slower than they come end, and ask once more after it', async () => {
    let nAnswers = 0;
    const observer = new QueryObserver(queries, {
      queryKey: ['lineage', 'slow'],
      queryFn: () => new Promise(resolve => setTimeout(() => resolve(++nAnswers), 1200))
    });
    observer.subscribe(() => undefined);
    for (let seq = 11; seq < 61; seq++) {
      changes.hint({ workspace: 'w1', seq, kind: 'model', name: 'churn' });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(nAnswers).toBeGreaterThanOrEqual(2);
    await vi.advanceTimersByTimeAsync(5000);
    const atRest = nAnswers;
    await vi.advanceTimersByTimeAsync(5000);
    expect(nAnswers).toBe(atRest);
  });

  it('of a fetch that never ends start it anew', async () => {
    let nAsked = 0;
    const observer = new QueryObserver(queries, {
      queryKey: ['lineage', 'hung'],
      queryFn: () => (++nAsked === 1 ? Promise.resolve(1) : new Promise<number>(() => undefined))
    });
    observer.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(0);
    for (const seq of [11, 12]) {
      changes.hint({ workspace: 'w1', seq, kind: 'model', name: 'churn' });
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(nAsked).toBe(2);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(nAsked).toBe(3);
  });

  it('wait while nobody looks', async () => {
    changes.sleep();
    changes.hint({ workspace: 'w1', seq: 11, kind: 'run', name: 'r1' });
    await changes.catchUp();
    await vi.advanceTimersByTimeAsync(1000);
    expect([n, server.asked]).toEqual([{ runs: 1, models: 1 }, []]);
    changes.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 2 });
  });

  it('of another workspace mean that the server has a new one', async () => {
    changes.hint({ workspace: 'w2', seq: 1, kind: 'run', name: 'r1' });
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 2 });
  });
});

describe('while Lab has no event socket', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('everything is asked every few seconds, until a hint comes', async () => {
    const refetch = vi.fn();
    const bridge = new Bridge(refetch);
    bridge.failed();
    await vi.advanceTimersByTimeAsync(9500);
    expect(refetch).toHaveBeenCalledTimes(3);
    bridge.heard();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(refetch).toHaveBeenCalledTimes(4);
  });

  it('and no longer than Lab waits between two tries of it', async () => {
    const refetch = vi.fn();
    const bridge = new Bridge(refetch);
    bridge.failed();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(refetch).toHaveBeenCalledTimes(11);
  });
});

it('the version is the one of the package', async () => {
  const { version } = await import('../../package.json');
  expect(VERSION).toBe(version);
});
