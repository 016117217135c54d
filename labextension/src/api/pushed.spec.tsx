import { act, render, screen } from '@testing-library/react';
import type { JSX } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { HandServer, HandSocket, json } from '../testing/server';
import { makeSession } from '../testing/session';
import { SessionProvider, useSession } from './context';
import { usePushed } from './pushed';
import type { Session } from './session';

interface Count {
  readonly n: number;
}

/** Shows all that it was told, and `+` for each moment in which it was told nothing. */
function Counter({ name = 'a' }: { readonly name?: string }): JSX.Element {
  const { client } = useSession();
  const { data, error } = usePushed<Count, string, string>({
    key: ['count', name],
    address: client.address('/services/{name}/figures', { path: { name } }),
    ask: async signal => {
      await client.get('/services/{name}/figures', { path: { name }, signal });
      return { n: 0 };
    },
    take: (before = '', { n }) => `${before}${n}`,
    quiet: data => `${data}+`,
    shown: data => data
  });
  return (
    <p>
      {name} {error ? 'failed' : data}
    </p>
  );
}

const A = 'services/a/figures';
const looker = {};
let server: HandServer;
let session: Session;

beforeEach(() => {
  vi.useFakeTimers();
  server = new HandServer();
  server.answers.set(A, () => ({}));
  session = makeSession(server);
  session.look(looker, true);
});

afterEach(() => {
  session.dispose();
  vi.useRealTimers();
});

const last = (): HandSocket => server.sockets.at(-1) ?? new HandSocket('');
const wait = (ms: number): Promise<unknown> => act(() => vi.advanceTimersByTimeAsync(ms));
/** The server says something; TanStack Query tells of what came a moment later. */
const hear = (message: unknown): Promise<unknown> => {
  last().say(message);
  return wait(1);
};
const nAsked = (): number => server.asked.filter(path => path === A).length;

function show(n = 1, visible = true): ReturnType<typeof render> {
  return render(content(n, visible));
}

function content(n: number, visible = true): JSX.Element {
  return (
    <SessionProvider session={session} visible={visible}>
      {Array.from({ length: n }, (_, at) => (
        <Counter key={at} />
      ))}
    </SessionProvider>
  );
}

describe('what is pushed', () => {
  it('is asked for once, told of from then on, and repeated by the page where nothing is told', async () => {
    show();
    last().accept();
    await wait(10);
    expect(last().sent).toEqual([{ watch: [A] }]);
    await hear({ watched: A, answer: { n: 1 } });
    await hear({ watched: A, answer: { n: 2 } });
    expect(screen.getByText('a 012')).toBeVisible();
    await wait(3000);
    expect(screen.getByText('a 012+++')).toBeVisible();
    for (let n = 0; n < 6; n++) {
      await hear({});
      await wait(10_000);
    }
    expect(nAsked()).toBe(1);
  });

  it('costs ten who watch it no more than one, and is taken in once', async () => {
    show(10);
    last().accept();
    await wait(10);
    await hear({ watched: A, answer: { n: 1 } });
    expect(screen.getAllByText('a 01')).toHaveLength(10);
    expect([last().sent.length, nAsked()]).toEqual([1, 1]);
  });

  it('is watched while somebody looks, and no longer', async () => {
    const shown = show();
    last().accept();
    await wait(10);
    shown.rerender(content(1, false));
    await wait(10);
    await hear({ watched: A, answer: { n: 9 } }); // it was on its way
    shown.rerender(content(1));
    session.look(looker, false);
    await wait(10);
    session.look(looker, true);
    await wait(10);
    expect(last().sent).toEqual([{ watch: [A] }, { watch: [] }, { watch: [A] }]);
    expect(screen.getByText('a 0')).toBeVisible();
  });

  it('is not told of when a part goes and another comes at once', async () => {
    const shown = show();
    last().accept();
    await wait(10);
    shown.rerender(content(1, false));
    shown.rerender(content(1));
    await wait(10);
    expect(last().sent).toHaveLength(1);
  });

  it('is asked for, slower, while no socket is open, and told of again when one is', async () => {
    show();
    await wait(12_000);
    expect(nAsked()).toBe(3);
    last().accept();
    await hear({ watched: A, answer: { n: 1 } });
    await wait(10_000);
    expect(nAsked()).toBe(3);
    act(() => last().cut());
    await wait(400);
    act(() => last().cut());
    await wait(11_000);
    expect(nAsked()).toBe(5);
    expect(screen.getByText(/^a 0001\+*00$/)).toBeVisible();
  });

  it('that the server cannot look at is asked for, which says why, until it is told of again', async () => {
    show();
    last().accept();
    await wait(10);
    server.refuse.set(A, () => json(404, { code: 'not-found', detail: 'Gone.', hint: '', status: 404 }));
    await hear({ watched: A, problem: {} });
    await wait(10);
    expect(screen.getByText('a failed')).toBeVisible();
    await wait(20_000);
    expect(nAsked()).toBe(2);
    expect(screen.getByText('a failed')).toBeVisible();
    await hear({ watched: A, answer: { n: 1 } });
    expect(screen.getByText(/^a 0\+*1$/)).toBeVisible();
  });
});
