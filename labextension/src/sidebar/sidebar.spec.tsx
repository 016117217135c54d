import type { QueryClient } from '@tanstack/react-query';
import { screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { Changes } from '../api/changes';
import { activity, experiment, model, run, service, workspace } from '../testing/records';
import { HandServer, json } from '../testing/server';
import { show as draw } from '../testing/session';
import type { Folds } from '../tree/model';
import { readFolds, versionNotice, withFold } from './model';
import { Sidebar } from './panel';

interface Shown {
  readonly server: HandServer;
  readonly queries: QueryClient;
  readonly copied: string[];
  readonly kept: Folds[];
}

function show(prepare: (server: HandServer) => void = () => undefined, folds: Folds = {}): Shown {
  const server = new HandServer();
  prepare(server);
  const copied: string[] = [];
  const kept: Folds[] = [];
  const { session } = draw(
    <Sidebar
      client={server.client}
      folds={folds}
      keepFolds={next => kept.push(next)}
      copy={text => copied.push(text)}
    />,
    server
  );
  return { server, queries: session.queries, copied, kept };
}

function full(server: HandServer): void {
  server.experiments = [experiment({ n_runs: 1 })];
  server.runs = [run({ metrics: { acc: 0.97 } })];
  server.models = [model()];
  server.services = [service()];
  server.activities = [activity()];
}

describe('the sidebar', () => {
  it('names the workspace and lists what is in it', async () => {
    show(full);
    expect(await screen.findByRole('heading', { name: 'churn' })).toBeVisible();
    expect(screen.getByText('/home/ada/churn')).toBeVisible();
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
    const changes = new Changes(queries, server.client);
    changes.hint({ workspace: 'w1', seq: 11, kind: 'run', name: 'r1' });
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

  it('filters everything at once, and Escape ends it', async () => {
    show(full);
    await screen.findByText('brave-owl-1');
    const box = screen.getByRole('searchbox', { name: /^Filter/ });
    await userEvent.type(box, 'zebra');
    expect(await screen.findByText('No experiment or run matches the filter.')).toBeVisible();
    expect(screen.getByText('No model matches the filter.')).toBeVisible();
    await userEvent.keyboard('{Escape}');
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

  it('fetches more of the runs when asked', async () => {
    show(server => {
      full(server);
      server.experiments = [experiment({ n_runs: 150 })];
      server.runs = Array.from({ length: 150 }, (_, index) => run({ id: `r${index}`, name: `owl-${index}` }));
    });
    await userEvent.click(await screen.findByRole('treeitem', { name: 'Show older runs' }));
    expect(await screen.findByText('owl-149')).toBeVisible();
    expect(screen.queryByText(/older runs/)).toBeNull();
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

describe('when something is wrong', () => {
  it('says that the server extension is absent and what to type', async () => {
    show(server => server.refuse.set('workspace', () => json(404, { message: 'Not Found' })));
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'jupyter server extension enable jupyter_mlops'
    );
  });

  it('says what to type where there is no workspace yet', async () => {
    const problem = {
      code: 'workspace-not-found',
      detail: 'There is no workspace in /home/ada or above it.',
      hint: ''
    };
    show(server => server.refuse.set('workspace', () => json(404, problem)));
    expect(await screen.findByText('%%ml run')).toBeVisible();
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('says that reading is not allowed', async () => {
    show(server => server.refuse.set('workspace', () => json(403, { message: 'Forbidden' })));
    expect(await screen.findByRole('alert')).toHaveTextContent('does not let you look');
  });

  it('says which list failed and shows the others', async () => {
    show(server => {
      full(server);
      const problem = {
        code: 'unavailable',
        detail: 'The tracking server at http://t does not answer.',
        hint: 'mlops status'
      };
      server.refuse.set('runs', () => json(503, problem));
    });
    const row = await screen.findByRole('treeitem', {
      name: 'The tracking server at http://t does not answer.'
    });
    expect(within(row).getByText('mlops status')).toBeVisible();
    expect(await screen.findByRole('treeitem', { name: /^Service churn/ })).toBeVisible();
  });

  it('keeps what it knew when the server is lost', async () => {
    const { server, queries } = show(full);
    await screen.findByText('brave-owl-1');
    server.refuse.set('workspace', () => {
      throw new TypeError('fetch failed');
    });
    await queries.invalidateQueries({ queryKey: ['workspace'] });
    expect(await screen.findByText('The Jupyter server does not answer.')).toBeVisible();
    expect(screen.getByText('brave-owl-1')).toBeVisible();
  });

  it('says so when server and panel are of different versions', () => {
    expect(versionNotice(workspace({ version: '0.2.0' }), '0.1.0')).toContain('server extension is 0.2.0');
    expect(versionNotice(workspace({ version: '0.1.0' }), '0.1.0')).toBeNull();
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
