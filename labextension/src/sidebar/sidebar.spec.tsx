import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { activityNodes } from '../activities/model';
import { Changes } from '../api/changes';
import { modelNodes } from '../models/model';
import { manifestNodes } from '../packing/model';
import { serviceNodes } from '../services/model';
import { snapshotNodes } from '../snapshots/model';
import { experiment, run } from '../testing/records';
import { json } from '../testing/server';
import { full, show } from '../testing/sidebar';
import type { Folds } from '../tree/model';
import { menuOf } from './menu';
import { readFolds, withFold } from './model';
import type { PanelNode } from './model';

const TRANS = nullTranslator.load('jupyter_mlops');

describe('the sidebar', () => {
  it('names the workspace and lists what is in it', async () => {
    show(full);
    expect(await screen.findByRole('heading', { name: 'churn' })).toBeVisible();
    expect(screen.getByText('~/churn')).toBeVisible();
    for (const name of [
      'Experiment forest, 1 run',
      'Run brave-owl-1, finished, acc 0.97',
      'Model churn, 1 version',
      'Service churn, ready, serves churn:1, http://127.0.0.1:40123',
      'deploy service churn, running, 40 percent'
    ]) {
      expect(await screen.findByRole('treeitem', { name })).toBeVisible();
    }
  });

  it('shows a run that begins, by itself', async () => {
    const { server, queries } = show(full);
    await screen.findByText('brave-owl-1');
    server.runs = [run({ id: 'r2', name: 'calm-fox-2', status: 'RUNNING' }), ...server.runs];
    const changes = new Changes(queries);
    changes.hint({ workspace: 'w1', kind: 'run', name: 'r1' });
    expect(await screen.findByText('calm-fox-2')).toBeVisible();
    changes.dispose();
  });

  it('says what to type where nothing is, and copies it', async () => {
    const { copied } = show();
    await userEvent.click(await screen.findByText('%%ml run'));
    expect(copied).toEqual(['%%ml run']);
    expect(screen.getByText('%ml models register RUN NAME')).toBeVisible();
    expect(screen.getByText('%ml services deploy NAME MODEL')).toBeVisible();
  });

  it('says in every section what to type to get the first thing into it', () => {
    const first = [
      modelNodes([], '', TRANS),
      serviceNodes([], [], '', TRANS),
      activityNodes([], '', TRANS),
      manifestNodes([], [], '', TRANS),
      snapshotNodes([], '', TRANS)
    ];
    first.forEach(nodes =>
      expect(nodes).toMatchObject([{ kind: 'hint', code: expect.stringMatching(/^%%?ml /) as string }])
    );
  });

  it('filters by words: runs on the server, everything else here; Escape ends it', async () => {
    const { server } = show(full);
    await screen.findByText('brave-owl-1');
    server.answers.set('experiments', (_, query) => ({
      items: query.get('words') === 'zebra' ? [] : server.experiments
    }));
    const box = screen.getByRole('combobox', { name: /^Filter/ });
    await userEvent.type(box, 'zebra');
    expect(await screen.findByText('No experiment or run matches the filter.')).toBeVisible();
    expect(screen.getByText('No model matches the filter.')).toBeVisible();
    await userEvent.keyboard('{Escape}');
    expect(await screen.findByText('brave-owl-1')).toBeVisible();
  });

  it('filters runs by an expression, and says what is wrong with one while it shows all', async () => {
    const { server } = show(full);
    await screen.findByText('brave-owl-1');
    const detail = '--where cannot be read at column 14: expected a number, found the end.';
    server.answers.set('experiments', (_, query) => ({
      items: server.experiments.filter(() => query.get('where') !== 'metrics.acc > 1')
    }));
    const box = screen.getByRole('combobox', { name: /^Filter/ });
    server.refuse.set('experiments', () => json(400, { code: 'bad-where', detail, hint: '' }));
    await userEvent.type(box, 'metrics.acc >');
    const sentence = await screen.findByText(/^The filter cannot be read at column 14/);
    expect(box).toHaveAccessibleDescription(sentence.textContent);
    expect(screen.getByText('brave-owl-1')).toBeVisible();
    server.refuse.clear();
    await userEvent.type(box, ' 1');
    expect(await screen.findByText('No experiment or run matches the filter.')).toBeVisible();
    expect(screen.getByRole('treeitem', { name: /^Model churn/ })).toBeVisible();
    await userEvent.click(screen.getByRole('button', { name: 'Clear the filter' }));
    expect(await screen.findByText('brave-owl-1')).toBeVisible();
  });

  it('remembers folds', async () => {
    const { kept } = show(full, { 'section:models': false });
    await screen.findByText('brave-owl-1');
    expect(screen.getByRole('treeitem', { name: 'Models' })).toHaveAttribute('aria-expanded', 'false');
    await userEvent.click(screen.getByRole('treeitem', { name: 'Experiments' }));
    expect(screen.queryByText('brave-owl-1')).toBeNull();
    expect(kept).toEqual([{ 'section:models': false, 'section:experiments': false }]);
  });

  it('folds child runs under their parents, and shows every one that matches a filter', async () => {
    const { server } = show(server => {
      server.experiments = [experiment({ n_runs: 2, n_roots: 1 })];
      server.runs = [run({ id: 'p', name: 'sweep' }), run({ id: 'c', name: 'trial', parent: 'p' })];
      server.nChildren = { p: 1 };
    });
    const parent = await screen.findByRole('treeitem', { name: 'Run sweep, finished, 1 child run' });
    expect(screen.queryByText('trial')).toBeNull();
    parent.focus();
    await userEvent.keyboard('{ArrowRight}');
    expect(await screen.findByRole('treeitem', { name: /^Run trial/ })).toHaveAttribute('aria-level', '5');
    expect(screen.getByRole('treeitem', { name: '1 child run' })).toBeVisible();
    server.nChildren = {};
    await userEvent.type(screen.getByRole('combobox', { name: /^Filter/ }), 'tri');
    await waitFor(() =>
      expect(screen.getByRole('treeitem', { name: /^Run trial/ })).toHaveAttribute('aria-level', '3')
    );
  });

  it('fetches runs as they come into view, a page at a time', async () => {
    const { server } = show(server => {
      full(server);
      server.experiments = [experiment({ n_runs: 20_000 })];
      server.runs = Array.from({ length: 20_000 }, (_, at) => run({ id: `r${at}`, name: `owl-${at}` }));
    });
    expect(await screen.findByText('owl-30')).toBeVisible();
    expect(screen.getByRole('treeitem', { name: /owl-30,/ })).toHaveAttribute('aria-setsize', '20000');
    expect(server.asked.filter(path => path.startsWith('runs?')).length).toBeLessThan(6);
  });

  it('opens what has a place of its own at Enter and at a double click', async () => {
    const { ran } = show(full);
    const row = await screen.findByRole('treeitem', { name: /^Run brave/ });
    await userEvent.click(row);
    expect(row).toHaveAttribute('aria-selected', 'true');
    expect(row).toHaveAttribute('aria-expanded', 'false');
    await userEvent.keyboard('{Enter}');
    await userEvent.dblClick(screen.getByRole('treeitem', { name: /^Service churn/ }));
    await userEvent.dblClick(screen.getByRole('treeitem', { name: /^Experiment forest/ }));
    expect(ran).toEqual([
      ['mlops:open', { kind: 'run', subject: 'r1' }],
      ['mlops:open', { kind: 'service', subject: 'churn' }],
      ['mlops:open', { kind: 'experiment', subject: 'forest' }]
    ]);
  });

  it('shows the verbs of a row in a menu, which the keyboard opens, walks and leaves', async () => {
    const { ran } = show(full);
    const row = await screen.findByRole('treeitem', { name: /^Run brave/ });
    row.focus();
    fireEvent.keyDown(row, { key: 'F10', shiftKey: true });
    const menu = document.querySelector<HTMLElement>('.lm-Menu') ?? document.body;
    expect([...menu.querySelectorAll('.lm-Menu-itemLabel')].map(one => one.textContent)).toEqual(
      expect.arrayContaining([
        'mlops:open',
        'mlops:reproduce-run',
        'mlops:register-model',
        'mlops:delete-runs'
      ])
    );
    fireEvent.keyDown(menu, { key: 'Escape', keyCode: 27 });
    await waitFor(() => expect(row).toHaveFocus());
    expect(ran).toEqual([]);
  });

  it('cancels an activity and offers verbs for what is not there yet, unless this person may only look', async () => {
    const { ran } = show(full);
    await userEvent.click(await screen.findByRole('button', { name: 'Cancel deploy service churn' }));
    await userEvent.click(screen.getByRole('button', { name: 'Deploy a model…' }));
    await userEvent.click(screen.getByRole('button', { name: 'Table of all runs' }));
    expect(ran).toEqual([
      ['mlops:cancel-activity', { activity: 'a1' }],
      ['mlops:deploy', {}],
      ['mlops:open', { kind: 'experiment', subject: '' }]
    ]);
  });

  it('offers nothing that writes to whom may only look', async () => {
    show(server => {
      full(server);
      server.permissions = ['read'];
    });
    await screen.findByText('brave-owl-1');
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Deploy a model…' })).toBeNull());
    expect(screen.queryByRole('button', { name: /^Cancel/ })).toBeNull();
    expect(screen.getByRole('button', { name: 'Table of all runs' })).toBeInTheDocument();
  });

  it('keeps the choice of metrics by workspace', async () => {
    const { chosen } = show(server => {
      full(server);
      server.answers.set('fields', () => ({ fields: {}, metrics: ['acc', 'loss'], params: [], tags: [] }));
    });
    await screen.findByText('brave-owl-1');
    await userEvent.click(screen.getByRole('button', { name: 'Choose the metrics beside runs' }));
    await userEvent.click(await screen.findByRole('checkbox', { name: 'loss' }));
    expect(chosen).toEqual([['w1', { metrics: ['acc', 'loss'], sparkline: null }]]);
  });

  it('asks about hosts, snapshots and manifests only once they are unfolded', async () => {
    const { server } = show(server => {
      full(server);
      server.answers.set('hosts', () => ({
        items: [
          {
            name: 'gpu-box',
            where: 'ssh://ada@gpu',
            services: ['churn'],
            answers: null,
            detail: '',
            hint: ''
          }
        ]
      }));
    });
    await screen.findByText('brave-owl-1');
    expect(server.asked.some(path => /hosts|snapshots|manifests|images/.test(path))).toBe(false);
    await userEvent.click(screen.getByRole('treeitem', { name: 'Hosts' }));
    expect(
      await screen.findByRole('treeitem', { name: 'Host gpu-box, ssh://ada@gpu, 1 service' })
    ).toBeVisible();
  });

  it('copies a fact at Enter', async () => {
    const { copied } = show(full);
    await screen.findByText('brave-owl-1');
    screen.getByRole('treeitem', { name: /^Run brave/ }).focus();
    await userEvent.keyboard('{ArrowRight}{ArrowDown}{Enter}');
    expect(copied).toEqual(['0.97']);
    expect(screen.getByText('Copied 0.97')).toBeInTheDocument();
  });
});

describe('folds', () => {
  it('that were stored as something else are forgotten', () => {
    expect([readFolds(null), readFolds('x'), readFolds({ a: true, b: 3 })]).toEqual([{}, {}, { a: true }]);
  });

  it('do not pile up', () => {
    let folds: Folds = {};
    for (let index = 0; index < 600; index++) {
      folds = withFold(folds, `n${index}`, true);
    }
    expect(Object.keys(folds)).toHaveLength(500);
    expect(folds).toHaveProperty('n599');
  });
});

describe('the menu', () => {
  const node: PanelNode = {
    kind: 'run',
    id: 'run:r1',
    label: 'r1',
    run: run(),
    metrics: [],
    sparkline: null,
    nChildren: 0
  };
  const ids = (...given: Parameters<typeof menuOf>): readonly string[] =>
    menuOf(...given).map(entry => (entry === 'separator' ? '-' : entry.command));

  it('of several runs compares, tags and deletes all of them', () => {
    const runs = [run(), run({ id: 'r2' })];
    expect(ids(node, runs, true)).toEqual([
      'mlops:compare',
      'mlops:tag-runs',
      '-',
      'mlops:copy-link',
      '-',
      'mlops:delete-runs'
    ]);
    expect(menuOf(node, runs, true)[0]).toMatchObject({ args: { runs: ['r1', 'r2'] } });
  });

  it('offers to cancel only what goes on', () => {
    expect(ids(node, [], true)).not.toContain('mlops:cancel-run');
    expect(ids({ ...node, run: run({ status: 'RUNNING' }) }, [], true)).toContain('mlops:cancel-run');
  });

  it('leaves to who may only look what changes nothing, without separators that separate nothing', () => {
    expect(ids(node, [], false)).toEqual([
      'mlops:open',
      'mlops:compare',
      '-',
      'mlops:copy-id',
      'mlops:copy-link',
      'mlops:copy-python'
    ]);
  });
});
