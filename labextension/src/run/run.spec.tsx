import { nullTranslator } from '@jupyterlab/translation';
import { act, fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, describe, expect, it, vi } from 'vitest';

import type { Curve, RunDetail } from '../api/types';
import { giveCanvas } from '../testing/canvas';
import { model, run, version } from '../testing/records';
import { HandServer, json } from '../testing/server';
import { show } from '../testing/session';
import { begun, isAfter, isAtEnd, lineAt, withEarlier, withLater } from './logmodel';
import { batches, found, metricNames, packageDiff, refusals, toggled } from './model';
import { sparkPath } from './spark';
import type * as view from './view';

const trans = nullTranslator.load('jupyter_mlops');

function detail(change: Partial<RunDetail> = {}): RunDetail {
  return {
    run: run(),
    artifacts: [],
    environment: null,
    git: null,
    snapshot: 'abcdef0123456789',
    notebook: '',
    cell: null,
    hidden_state: [],
    warnings: [],
    datasets: [],
    children: [],
    ...change
  };
}

function curve(change: Partial<Curve> = {}): Curve {
  return {
    key: 'loss',
    axis: 'step',
    n_points: 3,
    at: [0, 1, 2],
    low: [3, 2, 1],
    high: [3, 2, 1],
    last: [3, 2, 1],
    ...change
  };
}

describe('metrics', () => {
  it('are in the order of their numbers, the machine last, and found by words in any order', () => {
    const names = metricNames({ 'system/cpu': 1, layer10: 1, layer9: 1, 'val/Loss': 1 });
    expect(names).toEqual(['layer9', 'layer10', 'val/Loss', 'system/cpu']);
    expect(found(names, 'loss VAL')).toEqual(['val/Loss']);
  });

  it('are asked for in the same parts, however many are beside each other', () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    expect(batches(names, 0, 4, 2)).toEqual([
      ['a', 'b'],
      ['c', 'd']
    ]);
    expect(batches(names, 3, 6, 2)).toEqual([['c', 'd'], ['e']]);
    expect(batches([], 0, 0, 2)).toEqual([]);
  });

  it('are taken among those drawn together, and out of them', () => {
    expect(toggled(['a', 'b'], 'c')).toEqual(['a', 'b', 'c']);
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
  });

  it('have a gap in the small curve where there is no number', () => {
    expect(sparkPath(curve({ last: [3, 'NaN', 1], n_points: 3 }), 100, 20).match(/M/g)).toHaveLength(2);
    const huge = [1.7e308, -1.7e308];
    expect(sparkPath(curve({ at: [0, 1], last: huge, low: huge, high: huge }), 100, 20)).toBe(
      'M2.0 2.0L98.0 18.0'
    );
  });
});

describe('what a person may do', () => {
  it('says why not', () => {
    const running = detail({ run: run({ status: 'RUNNING' }) });
    expect(refusals(running, [], null, trans)).toMatchObject({
      cancel: null,
      reproduce: 'It has not ended yet.'
    });
    expect(refusals(detail({ snapshot: '' }), [version()], null, trans)).toMatchObject({
      cancel: 'It has ended already.',
      reproduce: 'It was run without a snapshot.',
      deploy: null
    });
    const only = refusals(detail(), [version()], 'No.', trans);
    expect(new Set(Object.values(only))).toEqual(new Set(['No.']));
  });
});

it('tells packages that differ, are new, or gone', () => {
  expect(packageDiff({ a: '1', c: '1', e: '1' }, { a: '1', d: '1', e: '2' })).toEqual([
    { name: 'e', mine: '1', other: '2' },
    { name: 'c', mine: '1', other: '' },
    { name: 'd', mine: '', other: '1' }
  ]);
});

describe('a log by parts', () => {
  const whole = 'é1\nline 2\nline 3\nbar 10%';
  const part = (start: number, text: string, nBytes = 24) => ({
    text,
    start,
    next: start + new TextEncoder().encode(text.slice(0, text.lastIndexOf('\n') + 1)).length,
    n_bytes: nBytes
  });

  it('goes on where it was, its unfinished line drawn anew', () => {
    let loaded = begun(part(0, whole));
    expect(loaded.current).toBe('bar 10%');
    expect(isAtEnd(loaded)).toBe(true);
    loaded = withLater(loaded, part(loaded.next, 'bar 99%\nend\n', 30));
    expect(loaded.blocks.map(block => block.text).join('')).toBe('é1\nline 2\nline 3\nbar 99%\nend\n');
    expect(loaded.current).toBe('');
  });

  it('takes no part that was long on its way for news', () => {
    const loaded = begun(part(0, whole));
    expect(isAfter(part(4, 'line 2\nline 3\nbar 10%'), loaded)).toBe(false);
    expect(isAfter(part(4, 'line 2\n'), loaded)).toBe(false);
    expect(isAfter(part(18, 'bar 11%'), loaded)).toBe(true);
    expect(isAfter(part(18, 'bar 10%\n', 25), loaded)).toBe(true);
  });

  it('is taken up earlier, and a byte leads to its line', () => {
    let loaded = begun(part(11, 'line 3\n'));
    loaded = withEarlier(loaded, part(0, 'é1\nline 2\n'));
    expect(loaded.start).toBe(0);
    expect(lineAt(loaded, 4)).toBe(1);
    expect(lineAt(loaded, 11)).toBe(2);
  });

  it('begins anew where the middle of the stream was left out', () => {
    const loaded = withLater(begun(part(0, 'a\n')), part(500, 'z\n', 502));
    expect([loaded.start, loaded.blocks.length]).toEqual([500, 1]);
  });
});

describe('the page', () => {
  let View: typeof view.View;
  beforeAll(async () => {
    giveCanvas();
    ({ View } = await import('./view'));
  });

  function served(found: RunDetail): HandServer {
    const server = new HandServer();
    server.answers.set(`runs/${found.run.id}`, () => found);
    server.answers.set('runs/churn', () => found);
    server.answers.set(`runs/${found.run.id}/curves`, (_, query) => ({
      items: (query.get('keys') ?? '').split(',').map(key => curve({ key }))
    }));
    server.models = [model()];
    return server;
  }

  it('names the tab, says why the run failed, and runs the commands of its buttons', async () => {
    const server = served(
      detail({
        run: run({
          status: 'FAILED',
          reason: 'ValueError: too hot',
          metrics: { loss: 1 },
          params: { lr: '0.1' }
        })
      })
    );
    const titles: string[] = [];
    const shown = show(<View subject="churn" setTitle={title => titles.push(title)} />, server);
    shown.session.lab.commands.addCommand('mlops:reproduce-run', { execute: () => undefined });
    shown.session.lab.commands.addCommand('mlops:deploy', { execute: () => undefined });
    await screen.findByText('ValueError: too hot');
    expect(titles).toContain('brave-owl-1');
    const bar = screen.getByRole('toolbar', { name: 'What to do with the run' });
    await userEvent.click(within(bar).getByRole('button', { name: 'Reproduce' }));
    await waitFor(() =>
      expect(within(bar).getByRole('button', { name: 'Deploy' })).not.toHaveAttribute('aria-disabled')
    );
    await userEvent.click(within(bar).getByRole('button', { name: 'Deploy' }));
    expect(shown.ran).toEqual([
      ['mlops:reproduce-run', { run: 'r1' }],
      ['mlops:deploy', { model: 'churn', version: 1 }]
    ]);
    expect(within(bar).getByRole('button', { name: 'Cancel' })).toHaveAttribute('aria-disabled', 'true');
    await screen.findByRole('row', { name: /loss 1 1 3/ });
  });

  it('keeps a note that is being written over a look at another tab, and over Escape', async () => {
    show(<View subject="r1" setTitle={() => undefined} />, served(detail()));
    await userEvent.click(await screen.findByRole('button', { name: 'Add a note' }));
    await userEvent.type(screen.getByLabelText('Note in Markdown'), 'It was{Escape}');
    await userEvent.click(screen.getByRole('tab', { name: 'Environment' }));
    await userEvent.click(screen.getByRole('tab', { name: 'Overview' }));
    expect(screen.getByLabelText('Note in Markdown')).toHaveValue('It was');
    const form = screen.getByLabelText('Note in Markdown').closest('form');
    await userEvent.click(within(form ?? document.body).getByRole('button', { name: 'Cancel' }));
    expect(screen.queryByLabelText('Note in Markdown')).toBeNull();
  });

  it('saves a note, and keeps what was written on while it was saved', async () => {
    const server = served(detail());
    server.answers.set('PATCH runs/r1', () => run());
    show(<View subject="r1" setTitle={() => undefined} />, server);
    await userEvent.click(await screen.findByRole('button', { name: 'Add a note' }));
    const editor = screen.getByLabelText('Note in Markdown');
    await userEvent.type(editor, 'It was cold.');
    fireEvent.click(screen.getByRole('button', { name: 'Save' }));
    fireEvent.change(editor, { target: { value: 'It was cold. Or was it?' } });
    await waitFor(() => expect(server.sent).toEqual([['PATCH runs/r1', { note: 'It was cold.' }]]));
    await waitFor(() =>
      expect(screen.getByRole('button', { name: 'Save' })).not.toHaveAttribute('aria-busy')
    );
    expect(editor).toHaveValue('It was cold. Or was it?');
    await userEvent.click(screen.getByRole('button', { name: 'Save' }));
    await waitFor(() => expect(screen.queryByLabelText('Note in Markdown')).toBeNull());
  });

  it('asks for a file of the snapshot once: what is kept does not change', async () => {
    const server = served(detail());
    const snapshot = 'snapshots/abcdef0123456789';
    server.answers.set(snapshot, () => ({
      snapshot: { name: 'abcdef0123456789' },
      files: [{ path: 'note.txt', kind: 'file', n_bytes: 2, target: '' }]
    }));
    server.answers.set(`${snapshot}/files/note.txt`, () => 'as it was');
    const { session } = show(<View subject="r1" setTitle={() => undefined} />, server);
    await userEvent.click(await screen.findByRole('tab', { name: 'Code' }));
    fireEvent.keyDown(await screen.findByRole('tree', { name: 'Files of the snapshot' }), { key: 'Home' });
    expect(await screen.findByText('"as it was"')).toBeVisible();
    server.refuse.set(`${snapshot}/files/note.txt`, () =>
      json(503, { code: 'unavailable', detail: 'Away.' })
    );
    session.changes.wake();
    session.changes.hint({ workspace: 'w1', kind: 'snapshot', name: 'another' });
    await waitFor(() => expect(server.asked.filter(path => path === snapshot)).toHaveLength(2));
    await new Promise(resolve => setTimeout(resolve, 50));
    expect(screen.getByText('"as it was"')).toBeVisible();
  });

  it('loads a log that could not be loaded as soon as the server is back', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const server = served(detail());
    const logs = 'runs/r1/logs/stdout';
    server.answers.set(logs, () => ({ text: 'hi\n', start: 0, next: 3, n_bytes: 3 }));
    server.refuse.set(logs, () => json(503, { code: 'unavailable', detail: 'It is away.' }));
    show(<View subject="r1" setTitle={() => undefined} />, server);
    fireEvent.click(await screen.findByRole('tab', { name: 'Logs' }));
    expect(await screen.findByText('It is away.')).toBeVisible();
    server.refuse.clear();
    await act(() => vi.advanceTimersByTimeAsync(10_000));
    expect(await screen.findByText('3 B')).toBeVisible();
    const n = server.asked.filter(path => path.startsWith(logs)).length;
    await act(() => vi.advanceTimersByTimeAsync(20_000));
    expect(server.asked.filter(path => path.startsWith(logs))).toHaveLength(n);
    vi.useRealTimers();
  });
});
