import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import { act, screen } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Session } from '../api/session';
import { run } from '../testing/records';
import { HandServer } from '../testing/server';
import type { HandSocket } from '../testing/server';
import { makeSession } from '../testing/session';
import { CHANGE_SCHEMA } from '../tokens';
import type { IMlops } from '../tokens';
import { readCard } from './model';
import { CardView } from './view';

vi.mock('@jupyterlab/apputils', () => import('../testing/apputils'));

const ID = 'abcdef0123456789';
const HINT = { schema_id: CHANGE_SCHEMA, workspace: 'w1', kind: 'run', name: ID };
let server: HandServer;
let session: Session;
let view: CardView;
let bus: Signal<object, never>;

beforeEach(() => {
  vi.useFakeTimers();
  server = new HandServer();
  server.answers.set(`runs/${ID}`, () => ({ run: run({ id: ID, status: 'RUNNING' }) }));
  session = makeSession(server);
  bus = new Signal<object, never>({});
});

afterEach(() => {
  view.dispose();
  session.dispose();
  vi.useRealTimers();
});

const wait = (ms: number): Promise<unknown> => act(() => vi.advanceTimersByTimeAsync(ms));
const sockets = (): readonly HandSocket[] => server.sockets;
const nAsked = (): number => server.asked.filter(path => path === `runs/${ID}`).length;

/** Show the card of a run that goes on, as one finds it in a notebook that was opened. */
async function show(mlops: IMlops | null): Promise<void> {
  const manager = { serverSettings: server.settings, events: { stream: bus } };
  view = new CardView(
    manager as unknown as ServiceManager.IManager,
    {} as IRenderMimeRegistry, // it draws notes, of which there are none
    mlops
  );
  const card = readCard({
    workspace: 'w1',
    run: { id: ID, name: 'forest', experiment: 'e', status: 'RUNNING', started_at: 1, params: {} }
  });
  if (card) {
    view.set(card);
  }
  Widget.attach(view, document.body);
  await wait(1);
}

describe('a card of a run that goes on', () => {
  it('hears of it on the socket of the page, for which reading is enough, until it has ended', async () => {
    await show({ lab: session.lab, session: () => Promise.resolve(session) });
    sockets()[0]?.accept();
    await wait(1500);
    const before = nAsked();
    server.answers.set(`runs/${ID}`, () => ({ run: run({ id: ID, status: 'FINISHED' }) }));
    sockets()[0]?.say({ ...HINT, name: 'another' });
    sockets()[0]?.say({ ...HINT, workspace: 'w2' });
    await wait(1500);
    expect(nAsked()).toBe(before);
    sockets()[0]?.say(HINT);
    sockets()[0]?.say(HINT);
    await wait(1500);
    expect(nAsked()).toBe(before + 1);
    expect(screen.getByText(/^finished/)).toBeVisible();
    await wait(60_001);
    expect(sockets()[0]?.readyState).toBe(WebSocket.CLOSED);
  });

  it('asks for what it may have missed when the socket was away', async () => {
    await show({ lab: session.lab, session: () => Promise.resolve(session) });
    sockets()[0]?.accept();
    await wait(1500);
    const before = nAsked();
    sockets()[0]?.cut();
    await wait(500);
    sockets()[1]?.accept();
    await wait(1500);
    expect(nAsked()).toBe(before + 1);
  });

  it.each([
    ['is not there', null],
    ['cannot be had', { session: () => Promise.reject(new Error('no')) } as unknown as IMlops]
  ])('listens to the bus of Jupyter where the session %s', async (_, mlops) => {
    await show(mlops);
    const before = nAsked();
    bus.emit(HINT as never);
    await wait(1500);
    expect([nAsked(), sockets()]).toEqual([before + 1, []]);
  });
});
