import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { StateDB } from '@jupyterlab/statedb';
import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Run } from '../api/types';
import { giveCanvas } from '../testing/canvas';
import { run } from '../testing/records';
import { HandServer } from '../testing/server';
import { show } from '../testing/session';
import type * as view from './view';

let View: typeof view.View;
let server: HandServer;
const setTitle = vi.fn();
const setSubject = vi.fn();

const RUNS: readonly Run[] = [
  run({ id: 'aaa', name: 'first', params: { C: '1', seed: '7' }, metrics: { auc: 0.8, loss: 0.5 } }),
  run({ id: 'bbb', name: 'تجربة', params: { C: '2', seed: '7' }, metrics: { auc: 0.9, loss: 'NaN' } }),
  run({
    id: 'ccc',
    name: 'n'.repeat(10_000),
    params: { C: '3', seed: '7' },
    metrics: { auc: 0.7, loss: 0.1 }
  })
];

function named(query: URLSearchParams): readonly string[] {
  return (query.get('runs') ?? '').split(',');
}

beforeAll(async () => {
  giveCanvas(900);
  // uPlot looks for what a canvas can do as it is loaded.
  ({ View } = await import('./view'));
}, 60_000);

beforeEach(() => {
  server = new HandServer();
  server.runs = [...RUNS, run({ id: 'ddd', name: 'fourth' })];
  server.answers.set('comparison/runs', (_, query) => ({
    runs: server.runs.filter(one => named(query).includes(one.id)),
    absent: named(query)
      .filter(id => !server.runs.some(one => one.id === id))
      .map(ref => ({ ref, message: `There is no run '${ref}' in this workspace.`, hint: '' })),
    lower_is_better: ['loss']
  }));
});

function open(subject = 'aaa,bbb,ccc', state = new StateDB()) {
  return show(<View subject={subject} setTitle={setTitle} setSubject={setSubject} />, server, { state });
}

async function tab(name: string): Promise<void> {
  await userEvent.click(await screen.findByRole('tab', { name }));
}

function columns(): readonly (string | null)[] {
  return screen
    .getAllByRole('columnheader')
    .slice(1)
    .map(one => one.textContent.slice(0, 12));
}

describe('a comparison', () => {
  it('shows what differs, marks the best, and says which runs are not there', async () => {
    open('aaa,bbb,ccc,gone');
    const row = await screen.findByRole('row', { name: /^auc/ });
    expect(
      within(row)
        .getAllByRole('cell')
        .map(cell => cell.textContent)
    ).toEqual(['0.8', '0.9best+0.1', '0.7−0.1']);
    expect(screen.queryByRole('row', { name: /^seed/ })).toBeNull();
    expect(screen.getByText(/There is no run 'gone'/)).toBeVisible();
    await userEvent.click(screen.getByRole('checkbox', { name: /Show all, also 1 parameter/ }));
    expect(screen.getByRole('row', { name: /^seed/ })).toBeVisible();
    expect(setTitle).toHaveBeenLastCalledWith('3 runs compared', expect.stringContaining('first'));
  });

  it('turns the direction of a metric at a click, and remembers it', async () => {
    const state = new StateDB();
    const first = open('aaa,bbb,ccc', state);
    const row = () => screen.getByRole('row', { name: /^loss/ });
    await userEvent.click(await screen.findByRole('button', { name: /^loss: lower is better/ }));
    expect(within(row()).getAllByRole('cell')[0]).toHaveTextContent('0.5best');
    first.unmount();
    open('aaa,bbb,ccc', state);
    expect(await screen.findByRole('button', { name: /^loss: higher is better/ })).toBeVisible();
  });

  it('orders runs by a metric, keeps the base first, and lets another run be the base', async () => {
    open();
    await userEvent.click(await screen.findByRole('button', { name: 'auc' }));
    expect(columns()).toEqual(['firstbase', 'تجربة', 'nnnnnnnnnnnn']);
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Base' }), 'ccc');
    expect(columns()).toEqual(['nnnnnnnnnnnn', 'تجربة', 'first']);
    await userEvent.click(screen.getByRole('button', { name: 'Order as added' }));
    expect(columns()).toEqual(['nnnnnnnnnnnn', 'first', 'تجربة']);
  });

  it('leaves runs out and takes others in, which the widget is told', async () => {
    open();
    await userEvent.click(await screen.findByRole('button', { name: 'Leave first out' }));
    expect(setSubject).toHaveBeenLastCalledWith('bbb,ccc');
    await userEvent.click(screen.getByRole('button', { name: 'Add runs…' }));
    const found = within(screen.getByRole('dialog', { name: 'Add runs' }));
    await userEvent.click(await found.findByRole('button', { name: /^fourth/ }));
    expect(setSubject).toHaveBeenLastCalledWith('bbb,ccc,ddd');
    expect(await screen.findByRole('heading', { name: '3 runs compared' })).toBeVisible();
    await userEvent.keyboard('{Escape}');
    expect(screen.queryByRole('dialog')).toBeNull();
  });

  it('asks again for the one run that changed alone', async () => {
    const { session } = open();
    await screen.findByRole('row', { name: /^auc/ });
    server.asked.length = 0;
    server.runs = server.runs.map(one =>
      one.id === 'aaa' ? { ...one, metrics: { ...one.metrics, auc: 0.99 } } : one
    );
    session.changes.wake();
    session.changes.hint({ workspace: 'w1', kind: 'run', name: 'aaa' });
    await screen.findByText('0.99');
    expect(server.asked.filter(path => path.startsWith('comparison'))).toEqual(['comparison/runs?runs=aaa']);
  });

  it('of hundreds of runs asks in parts, and draws what is in sight', async () => {
    server.runs = Array.from({ length: 201 }, (_, n) =>
      run({ id: `r${n}`, name: `run ${n}`, metrics: { auc: n } })
    );
    open(server.runs.map(one => one.id).join(','));
    expect(await screen.findByRole('heading', { name: '201 runs compared' })).toBeVisible();
    expect(server.asked.filter(path => path.startsWith('comparison/runs'))).toHaveLength(3);
    expect(columns().length).toBeLessThan(30);
    expect(screen.getByRole('table')).toHaveAttribute('aria-colcount', '202');
    await userEvent.click(screen.getByRole('button', { name: 'and 1 more' }));
    expect(screen.getByRole('button', { name: 'Leave run 200 out' })).toBeVisible();
  });

  it('of more than a page can draw asks whether to take the first ones', async () => {
    open(Array.from({ length: 10_000 }, (_, n) => (n < 3 ? (RUNS[n]?.id ?? '') : `x${n}`)).join(','));
    expect(screen.getByText('10,000 runs are many to be compared at once.')).toBeVisible();
    expect(server.asked.filter(path => path.startsWith('comparison'))).toEqual([]);
    await userEvent.click(screen.getByRole('button', { name: 'Compare the first 1,000' }));
    expect(String(setSubject.mock.lastCall?.[0]).split(',')).toHaveLength(1000);
  });

  it('compares more than that where one says so', async () => {
    open(Array.from({ length: 1001 }, (_, n) => (n < 3 ? (RUNS[n]?.id ?? '') : `x${n}`)).join(','));
    await userEvent.click(screen.getByRole('button', { name: 'Compare all' }));
    expect(await screen.findByRole('heading', { name: '3 runs compared' })).toBeVisible();
  });

  it('offers to restore a deleted run, and only who may write', async () => {
    server.runs = server.runs.map(one => (one.id === 'bbb' ? { ...one, deleted: true } : one));
    server.answers.set('POST runs/bbb/restore', () => RUNS[1]);
    open();
    await userEvent.click(await screen.findByRole('button', { name: 'Restore تجربة' }));
    await waitFor(() => expect(server.sent).toEqual([['POST runs/bbb/restore', undefined]]));
  });
});

describe('charts', () => {
  it('draw each run in parallel coordinates; a brush by keyboard leaves runs out', async () => {
    const { container } = open();
    await tab('Parallel coordinates');
    expect(container.querySelectorAll('.jp-Mlops-compareLine')).toHaveLength(3);
    screen.getByRole('slider', { name: 'C: upper end of the filter' }).focus();
    await userEvent.keyboard('{PageDown}');
    expect(screen.getByText('2 of 3 runs')).toBeVisible();
    expect(container.querySelectorAll('.jp-Mlops-compareLine.jp-mod-out')).toHaveLength(1);
    await userEvent.click(screen.getByRole('button', { name: 'Compare only these' }));
    expect(setSubject).toHaveBeenLastCalledWith('aaa,bbb');
  });

  it('have the axes one chooses, in one’s order and scale', async () => {
    open();
    await tab('Parallel coordinates');
    await userEvent.click(screen.getByRole('button', { name: 'Axes: 3' }));
    const chosen = () =>
      within(screen.getByRole('list', { name: 'Chosen axes' }))
        .getAllByRole('listitem')
        .map(item => item.firstChild?.textContent);
    expect(chosen()).toEqual(['C', 'auc', 'loss']);
    await userEvent.click(screen.getByRole('button', { name: 'Move C to the right' }));
    await userEvent.click(screen.getByRole('button', { name: 'Remove the axis loss' }));
    await userEvent.type(screen.getByRole('searchbox', { name: /Find parameters/ }), 'see');
    await userEvent.click(
      within(screen.getByRole('list', { name: 'Axes to add' })).getByRole('button', { name: 'seed' })
    );
    expect(chosen()).toEqual(['auc', 'C', 'seed']);
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Scale of C' }), 'log');
    expect(screen.getByRole('combobox', { name: 'Scale of C' })).toHaveValue('log');
  });

  it('scatter what one chooses; a point opens its run', async () => {
    const { container, ran, session } = open();
    session.lab.commands.addCommand('mlops:open', { execute: () => undefined });
    await tab('Scatter');
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'y' }), 'loss');
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Colour' }), 'auc');
    expect(screen.getByRole('group', { name: 'loss over C of 3 runs' })).toBeVisible();
    const point = container.querySelector('[data-run="bbb"]') ?? document.body;
    await userEvent.hover(point);
    expect(await screen.findByRole('tooltip')).toHaveTextContent('NaN');
    await userEvent.click(point);
    expect(ran).toContainEqual(['mlops:open', { kind: 'run', subject: 'bbb' }]);
  });

  it('draw a metric of all runs over each other', async () => {
    const curve = {
      key: 'auc',
      axis: 'step',
      n_points: 2,
      at: [0, 1],
      low: [0, 1],
      high: [0, 1],
      last: [0, 'NaN']
    };
    server.answers.set('comparison/curves', (_, query) => ({
      items: named(query).map(id => ({ run: id, curve: { ...curve, key: query.get('key') } }))
    }));
    open();
    await tab('Curves');
    expect(await screen.findByRole('figure', { name: 'auc of 3 runs' })).toBeVisible();
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Metric' }), 'loss');
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Axis' }), 'time of day');
    expect(await screen.findByRole('figure', { name: 'loss of 3 runs' })).toBeVisible();
    expect(server.asked.at(-1)).toMatch(
      /^comparison\/curves\?runs=aaa%2Cbbb%2Cccc&key=loss&axis=time&buckets=1000$/
    );
  });
});

describe('code and packages', () => {
  beforeEach(() => {
    server.answers.set('comparison/code', () => ({
      items: [
        { id: 'v1', runs: ['aaa', 'ccc'], snapshot: 's1', has_cell: false },
        { id: 'v2', runs: ['bbb'], snapshot: 's2', has_cell: false }
      ]
    }));
    server.answers.set('comparison/code/diff', () => ({
      run: 'bbb',
      notes: ['The note.'],
      changes: [
        { path: 'a.py', change: 'changed', diff: '@@ -1 +1 @@\n-x = 1\n+x = 2\n', note: '' },
        { path: 'b.bin', change: 'added', diff: '', note: 'binary: 3 kB now' }
      ]
    }));
  });

  it('show which runs executed the same code, and the lines that differ', async () => {
    open();
    await tab('Code');
    expect(await screen.findByRole('radio', { name: 'تجربة', checked: true })).toBeVisible();
    expect(await screen.findByText('x = 2')).toBeVisible();
    expect(screen.getByText('The note.')).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: /b\.bin/ }));
    expect(screen.getByText('binary: 3 kB now')).toBeVisible();
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Base' }), 'bbb');
    expect(await screen.findByRole('radio', { name: /^first/, checked: true })).toBeVisible();
    expect(server.asked.at(-1)).toBe('comparison/code/diff?base=bbb&run=aaa');
  });

  it('show the packages that differ, and all when asked', async () => {
    server.answers.set('comparison/packages', () => ({
      items: [
        { id: 'p1', runs: ['aaa'], packages: { numpy: '1', pandas: '2' } },
        { id: 'p2', runs: ['bbb'], packages: { numpy: '2', pandas: '2' } },
        { id: 'p3', runs: ['ccc'], packages: {} }
      ]
    }));
    open();
    await tab('Packages');
    const row = await screen.findByRole('row', { name: /^numpy/ });
    expect(
      within(row)
        .getAllByRole('cell')
        .map(cell => cell.textContent)
    ).toEqual(['1', '2', 'not recorded']);
    expect(screen.queryByRole('row', { name: /^pandas/ })).toBeNull();
    await userEvent.click(screen.getByRole('checkbox', { name: /also 1 package/ }));
    expect(screen.getByRole('row', { name: /^pandas/ })).toBeVisible();
  });

  it('say so where all is the same', async () => {
    server.answers.set('comparison/code', () => ({
      items: [{ id: 'v1', runs: ['aaa', 'bbb', 'ccc'], snapshot: 's1', has_cell: false }]
    }));
    open();
    await tab('Code');
    expect(await screen.findByText('All runs executed the same code.')).toBeVisible();
  });
});
