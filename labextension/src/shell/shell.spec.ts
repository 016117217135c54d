import { Notification } from '@jupyterlab/apputils';
import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { Run } from '../api/types';
import { activity, run } from '../testing/records';
import { HandServer } from '../testing/server';
import { makeSession } from '../testing/session';
import {
  endOfActivity,
  endOfRun,
  isToldOf,
  lostFrom,
  newlyEnded,
  remembered,
  serviceOfActivity,
  statusText
} from './model';
import { Settings } from './settings';
import type { ShellSettings } from './settings';
import { Watcher } from './watcher';

const trans = nullTranslator.load('jupyter_mlops');

describe('what ended between two looks', () => {
  const on = { id: 'a', isActive: true };
  const off = { id: 'a', isActive: false };

  it('is nothing at the first look: that is history', () => {
    expect(newlyEnded(null, [off])).toEqual([]);
  });

  it('is what went on, and what came and went in between, once', () => {
    const first = remembered(null, [on]);
    expect(newlyEnded(first, [off, { id: 'b', isActive: false }]).map(one => one.id)).toEqual(['a', 'b']);
    expect(newlyEnded(remembered(first, [off]), [off])).toEqual([]);
    expect(newlyEnded(first, [on])).toEqual([]);
  });

  it('is asked for by id where no list has it any more', () => {
    const first = remembered(null, [on, { id: 'b', isActive: false }]);
    expect(lostFrom(first, [])).toEqual(['a']);
    expect(lostFrom(remembered(first, [off]), [])).toEqual([]);
  });
});

describe('messages', () => {
  const error = {
    type: 't',
    title: 'T',
    status: 503,
    code: 'c',
    detail: 'No engine answers.',
    hint: 'Start it.'
  };

  it('say what failed, why, and what to do', () => {
    expect(endOfActivity(activity({ state: 'failed', error }), trans)).toEqual({
      type: 'error',
      text: 'Deploy service churn: failed. No engine answers. Start it.'
    });
    expect(endOfActivity(activity({ state: 'done' }), trans).type).toBe('success');
    expect(endOfRun(run({ status: 'FAILED', reason: 'ValueError: no' }), trans).text).toBe(
      'Run brave-owl-1 failed. ValueError: no'
    );
    expect(endOfRun(run({ name: 'x'.repeat(10_000) }), trans).text.length).toBeLessThan(100);
  });

  it('lead to a service that is still there', () => {
    expect(serviceOfActivity(activity())).toBe('churn');
    expect(serviceOfActivity(activity({ verb: 'services.delete' }))).toBeNull();
    expect(serviceOfActivity(activity({ verb: 'images.build', subject: 'image churn:1' }))).toBeNull();
  });

  it('of the status bar count what goes on, and there is none when nothing does', () => {
    expect(statusText(1, 2, trans)).toBe('1 run · 2 activities');
    expect(statusText(0, 0, trans)).toBe('');
  });

  it('are sent as the settings say', () => {
    expect([isToldOf('all', false), isToldOf('failed', false), isToldOf('failed', true), isToldOf('none', true)]).toEqual([true, false, true, false]); // prettier-ignore
  });
});

class Chosen extends Settings {
  constructor(private readonly chosen: Partial<ShellSettings>) {
    super();
  }

  override readonly look = (): ShellSettings => ({
    notifications: 'all',
    confirmDeletes: true,
    status: true,
    ...this.chosen
  });
}

describe('the watcher', () => {
  beforeEach(() => Notification.dismiss());

  function watch(
    chosen: Partial<ShellSettings> = {},
    isInFront = false,
    runs = [run({ id: 'old', name: 'old' })]
  ): {
    server: HandServer;
    watcher: Watcher;
    again: (topic: string) => Promise<void>;
    messages: () => string[];
  } {
    const server = new HandServer();
    server.runs = runs;
    server.activities = [activity({ name: 'before', state: 'failed' })];
    const session = makeSession(server);
    const watcher = new Watcher(session, new Chosen(chosen), () => isInFront);
    watcher.start();
    const again = (topic: string): Promise<void> => session.queries.invalidateQueries({ queryKey: [topic] });
    return {
      server,
      watcher,
      again,
      messages: () => Notification.manager.notifications.map(one => one.message)
    };
  }

  /** Until what was answered has been looked at. */
  async function looked(server: HandServer): Promise<void> {
    await vi.waitFor(() => expect(server.asked).toHaveLength(2));
    await new Promise(resolve => setTimeout(resolve, 30));
  }

  it('tells of what ends while it looks, once, and not of what had ended before', async () => {
    const { server, watcher, again, messages } = watch();
    await looked(server);
    expect(messages()).toEqual([]);
    server.runs = [run({ id: 'new', name: 'quick', status: 'FAILED', reason: 'boom' }), ...server.runs];
    server.activities = [activity({ name: 'a2', state: 'done' }), ...server.activities];
    await Promise.all([again('runs'), again('activities')]);
    await vi.waitFor(() => expect(messages()).toHaveLength(2));
    await Promise.all([again('runs'), again('activities')]);
    expect(messages().sort()).toEqual(['Deploy service churn: done.', 'Run quick failed. boom']);
    watcher.stop();
  });

  it('says what goes on to the status bar, and follows a run that left the list', async () => {
    const { server, watcher, again, messages } = watch({}, false, [
      run({ id: 'r9', name: 'long', status: 'RUNNING' })
    ]);
    await looked(server);
    expect(watcher.going.runs.map(one => one.name)).toEqual(['long']);
    server.runs = [];
    server.answers.set('runs/r9', () => ({ run: run({ id: 'r9', name: 'long' }) }));
    await again('runs');
    await vi.waitFor(() => expect(messages()).toEqual(['Run long finished.']));
    expect(watcher.going.runs).toEqual([]);
    watcher.stop();
  });

  it('keeps quiet of others’ as the settings say, of children, of imported files, and of a notebook in front', async () => {
    for (const [chosen, isInFront, change] of [
      [{ notifications: 'failed' }, false, {}],
      [{}, true, {}],
      [{}, false, { parent: 'r0' }],
      [{}, false, { tags: { 'mlops.imported_from': '/weights.bin' } }]
    ] as const) {
      const { server, watcher, again, messages } = watch(chosen, isInFront);
      await looked(server);
      server.runs = [run({ id: 'new', ...(change as Partial<Run>) })];
      await again('runs');
      await new Promise(resolve => setTimeout(resolve, 30));
      expect(messages()).toEqual([]);
      watcher.stop();
    }
  });

  it('tells of what a click here began whatever the settings say, in place of its progress', async () => {
    const { server, watcher, again, messages } = watch({ notifications: 'none' });
    await looked(server);
    watcher.adopt(activity({ name: 'mine', message: 'starting' }));
    expect(messages()).toEqual(['Deploy service churn: starting']);
    server.activities = [activity({ name: 'mine', message: 'checking', progress: 0.5 })];
    await again('activities');
    await vi.waitFor(() => expect(messages()).toEqual(['Deploy service churn: checking']));
    server.activities = [activity({ name: 'mine', state: 'done' })];
    await again('activities');
    await vi.waitFor(() => expect(messages()).toEqual(['Deploy service churn: done.']));
    watcher.stop();
  });

  it('rests where the server extension is absent', async () => {
    const server = new HandServer();
    for (const path of ['runs', 'activities']) {
      server.refuse.set(path, () => new Response('Not found', { status: 404 }));
    }
    const session = makeSession(server);
    const watcher = new Watcher(session, new Settings(), () => false);
    watcher.start();
    await vi.waitFor(() => expect(server.asked).toHaveLength(2));
    await new Promise(resolve => setTimeout(resolve, 30));
    await session.queries.invalidateQueries();
    expect(server.asked).toHaveLength(2);
    expect(Notification.manager.notifications).toEqual([]);
  });
});
