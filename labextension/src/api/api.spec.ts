import { nullTranslator } from '@jupyterlab/translation';
import { QueryObserver } from '@tanstack/react-query';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { setWords } from '../common/words';
import { CHANGE_SCHEMA, VERSION } from '../tokens';
import { HandServer, HandSocket, json } from '../testing/server';
import { makeSession } from '../testing/session';
import { run, workspace } from '../testing/records';
import { Changes, readHint } from './changes';
import { refusal } from './errors';
import { makeQueryClient } from './queries';
import { Socket } from './socket';

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

  it('of a hub is about the server that it has stopped, and one of a proxy about one that is away', () => {
    const stopped = refusal(424, JSON.stringify({ status: 424, message: 'ada is not running' }));
    expect([stopped.kind, stopped.hint]).toEqual([
      'unreachable',
      expect.stringContaining('Hub Control Panel')
    ]);
    expect(refusal(503, '<html>').kind).toBe('unreachable');
  });

  it('of somebody whose login has expired says how to log in', () => {
    const unknown = { ...problem, code: 'unauthenticated', detail: 'no token', hint: 'jupyter server list' };
    const { kind, hint } = refusal(403, JSON.stringify(unknown));
    expect([kind, hint]).toEqual(['forbidden', 'Reload the page to log in again.']);
  });

  it('is in the language of the page', () => {
    const korean = { ...nullTranslator.load(''), __: (text: string) => `ko:${text}` };
    setWords(korean);
    expect(refusal(503, '<html>').message).toMatch(/^ko:/);
    setWords(nullTranslator.load(''));
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
    expect(readHint(emission)).toEqual({ workspace: 'w1', kind: 'run', name: 'r1' });
  });

  it('of somebody else is left alone', () => {
    expect(
      readHint({ schema_id: 'https://events.jupyter.org/contents', kind: 'run', workspace: 'w1' })
    ).toBeNull();
  });
});

describe('changes', () => {
  const queries = makeQueryClient();
  let changes: Changes;
  let n = { runs: 0, models: 0 };

  beforeEach(async () => {
    vi.useFakeTimers();
    n = { runs: 0, models: 0 };
    queries.clear();
    queries.setQueryData(['workspace'], workspace({ id: 'w1', seq: 10 }));
    changes = new Changes(queries);
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
    changes.hint({ workspace: 'w1', kind: 'run', name: 'r1' });
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 1 });
  });

  it('in the store by whatever program may be of models too', async () => {
    changes.hint({ workspace: 'w1', kind: 'run', name: '' });
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 2 });
  });

  it('of a thousand hints refetch at once and then at a bearable pace, the last included', async () => {
    for (let seq = 11; seq < 1011; seq++) {
      changes.hint({ workspace: 'w1', kind: 'run', name: 'r1' });
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(600);
    expect(n.runs).toBeGreaterThanOrEqual(3);
    expect(n.runs).toBeLessThanOrEqual(4);
  });

  it('let a fetch that is slower than they come end, and ask once more after it', async () => {
    let nAnswers = 0;
    const observer = new QueryObserver(queries, {
      queryKey: ['lineage', 'slow'],
      queryFn: () => new Promise(resolve => setTimeout(() => resolve(++nAnswers), 1200))
    });
    observer.subscribe(() => undefined);
    for (let seq = 11; seq < 61; seq++) {
      changes.hint({ workspace: 'w1', kind: 'model', name: 'churn' });
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
    for (let nHints = 0; nHints < 2; nHints++) {
      changes.hint({ workspace: 'w1', kind: 'model', name: 'churn' });
      await vi.advanceTimersByTimeAsync(1000);
    }
    expect(nAsked).toBe(2);
    await vi.advanceTimersByTimeAsync(11_000);
    expect(nAsked).toBe(3);
  });

  it('wait while nobody looks', async () => {
    changes.sleep();
    changes.hint({ workspace: 'w1', kind: 'run', name: 'r1' });
    await vi.advanceTimersByTimeAsync(1000);
    expect(n).toEqual({ runs: 1, models: 1 });
    changes.wake();
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 2 });
  });

  it('of another workspace mean that the server has a new one', async () => {
    changes.hint({ workspace: 'w2', kind: 'run', name: 'r1' });
    await vi.advanceTimersByTimeAsync(0);
    expect(n).toEqual({ runs: 2, models: 2 });
  });
});

describe('the socket', () => {
  const server = new HandServer();
  const heard: string[] = [];
  let socket: Socket;
  const last = (): HandSocket => server.sockets[server.sockets.length - 1] ?? new HandSocket('');

  beforeEach(() => {
    vi.useFakeTimers();
    server.sockets.length = heard.length = 0;
    socket = new Socket(server.settings, {
      onHint: ({ kind, name }) => heard.push(`${kind} ${name}`),
      onWatched: (address, answer) => heard.push(`${address} ${JSON.stringify(answer)}`),
      onCut: () => undefined,
      onOpen: () => heard.push('open'),
      onLost: () => heard.push('lost')
    });
    socket.open();
  });

  afterEach(() => {
    socket.close();
    vi.useRealTimers();
  });

  it('is below the base URL, and tells of hints and of nothing else', () => {
    expect(last().url).toBe('ws://lab.example/user/x/mlops/api/hints');
    last().accept();
    last().say({});
    last().say({ schema_id: CHANGE_SCHEMA, workspace: 'w1', kind: 'run', name: 'r1' });
    expect(heard).toEqual(['open', 'run r1']);
  });

  it('that was cut is opened again, at once and then ever later, and says so once', async () => {
    last().accept();
    last().cut();
    await vi.advanceTimersByTimeAsync(500);
    expect([server.sockets.length, heard]).toEqual([2, ['open']]);
    last().cut();
    expect(heard).toEqual(['open', 'lost']);
    for (let n = 0; n < 10; n++) {
      await vi.advanceTimersByTimeAsync(5000);
      last().cut();
    }
    expect([server.sockets.length, heard]).toEqual([12, ['open', 'lost']]);
    socket.hurry();
    socket.hurry();
    expect(server.sockets).toHaveLength(12);
    await vi.advanceTimersByTimeAsync(600);
    socket.hurry();
    expect(server.sockets).toHaveLength(13);
    last().accept();
    expect(heard).toEqual(['open', 'lost', 'open']);
  });

  it('that is silent for longer than the server is is opened anew', async () => {
    last().accept();
    await vi.advanceTimersByTimeAsync(20_000);
    last().say({});
    await vi.advanceTimersByTimeAsync(20_000);
    expect(server.sockets).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.sockets).toHaveLength(2);
  });

  it('that is neither opened nor refused is given up like one that is silent', async () => {
    await vi.advanceTimersByTimeAsync(24_000);
    expect([server.sockets.length, heard]).toEqual([1, []]);
    await vi.advanceTimersByTimeAsync(30_000);
    expect([server.sockets.length, heard]).toEqual([3, ['lost']]);
  });

  it('says what is watched when that changes and when it is opened again, and nothing where it is nothing', async () => {
    last().accept();
    socket.watch([]);
    socket.watch(['counts']);
    socket.watch(['counts']);
    socket.watch([]);
    expect(last().sent).toEqual([{ watch: ['counts'] }, { watch: [] }]);
    last().cut();
    socket.watch(['services/a/figures']);
    await vi.advanceTimersByTimeAsync(500);
    last().accept();
    expect(last().sent).toEqual([{ watch: ['services/a/figures'] }]);
    last().say({ watched: 'services/a/figures', answer: { at: 1 } });
    last().say({ watched: 'services/a/figures', problem: { code: 'not-found' } });
    last().say({ problem: { code: 'bad-message' } });
    expect(heard.slice(-2)).toEqual(['services/a/figures {"at":1}', 'services/a/figures undefined']);
  });

  it('that was closed stays so', async () => {
    last().accept();
    socket.close();
    socket.hurry();
    socket.renew();
    await vi.advanceTimersByTimeAsync(120_000);
    expect(server.sockets).toHaveLength(1);
  });
});

describe('a session', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('that is looked at asks nothing while nothing happens, and closes its socket when nobody looks', async () => {
    const server = new HandServer();
    const session = makeSession(server);
    const looker = {};
    session.look(looker, true);
    const observer = new QueryObserver(session.queries, {
      queryKey: ['runs'],
      queryFn: () => server.client.runs({ limit: 10 })
    });
    const leave = observer.subscribe(() => undefined);
    const [socket] = server.sockets as [HandSocket];
    socket.accept();
    await vi.advanceTimersByTimeAsync(1000);
    server.asked.length = 0;
    for (let n = 0; n < 30; n++) {
      socket.say({});
      await vi.advanceTimersByTimeAsync(10_000);
    }
    expect(server.asked).toEqual([]);
    session.look(looker, false);
    socket.say({ schema_id: CHANGE_SCHEMA, workspace: 'w1', kind: 'run', name: 'r1' });
    for (let n = 0; n < 4; n++) {
      await vi.advanceTimersByTimeAsync(16_000);
      socket.say({});
    }
    expect([server.asked, socket.readyState]).toEqual([[], WebSocket.CLOSED]);
    session.look(looker, true);
    await vi.advanceTimersByTimeAsync(0);
    expect([server.asked, server.sockets.length]).toEqual([['runs?limit=10'], 2]);
    leave();
    session.dispose();
  });

  it('asks a server without our extension no more often than one that is away', async () => {
    const server = new HandServer();
    server.refuse.set('workspace', () => json(404, { message: 'Not Found' }));
    const session = makeSession(server);
    const observer = new QueryObserver(session.queries, {
      queryKey: ['workspace'],
      queryFn: () => server.client.get('/workspace')
    });
    const leave = observer.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(server.asked).toEqual(['workspace']);
    leave();
    session.dispose();
  });

  it('that nobody looks at remembers what a person may do', async () => {
    const server = new HandServer();
    server.permissions = ['read'];
    const session = makeSession(server);
    await vi.advanceTimersByTimeAsync(600_000);
    expect([session.can('read'), session.can('write')]).toEqual([true, false]);
    session.dispose();
  });
});

it('the version is the one of the package', async () => {
  const { version } = await import('../../package.json');
  expect(VERSION).toBe(version);
});
