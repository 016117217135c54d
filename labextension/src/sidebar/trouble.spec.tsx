import { nullTranslator } from '@jupyterlab/translation';
import { screen, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { run, workspace } from '../testing/records';
import { json } from '../testing/server';
import { full, show } from '../testing/sidebar';
import { versionNotice } from './model';

const TRANS = nullTranslator.load('jupyter_mlops');

describe('when something is wrong', () => {
  it('says that the server extension is absent and what to type', async () => {
    show(server => server.refuse.set('workspace', () => json(404, { message: 'Not Found' })));
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'jupyter server extension enable jupyter_mlops'
    );
  });

  it('says what to type where there is no workspace yet', async () => {
    const { server } = show(one => {
      one.workspace = workspace({ exists: false, id: '', root: '', seq: 0 });
    });
    expect(await screen.findByText('%%ml run')).toBeVisible();
    expect(screen.getByText('~/churn')).toBeVisible();
    expect(server.asked).toEqual(['workspace']);
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('says that reading is not allowed', async () => {
    show(server => server.refuse.set('workspace', () => json(403, { message: 'Forbidden' })));
    expect(await screen.findByRole('alert')).toHaveTextContent('does not know who you are');
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
    const said = await screen.findByText('The tracking server at http://t does not answer.');
    const row = said.closest<HTMLElement>('[role="treeitem"]') ?? document.body;
    expect(within(row).getByText('mlops status')).toBeVisible();
    expect(await screen.findByRole('treeitem', { name: /^Service churn/ })).toBeVisible();
  });

  it('keeps what it knew when the server is lost', async () => {
    const { server, queries } = show(full);
    await screen.findByText('brave-owl-1');
    for (const path of ['workspace', 'experiments', 'runs', 'models', 'services', 'activities']) {
      server.refuse.set(path, () => {
        throw new TypeError('fetch failed');
      });
    }
    await queries.invalidateQueries();
    // Once, with what to type and a button, whatever failed.
    expect(await screen.findByText('The Jupyter server does not answer.')).toBeVisible();
    expect(screen.getByRole('alert')).toHaveTextContent('with: jupyter lab');
    expect(screen.getByText('brave-owl-1')).toBeVisible();
    expect(screen.getByRole('tree')).toHaveClass('jp-mod-old');
    server.refuse.clear();
    server.runs = [run({ id: 'r2', name: 'calm-fox-2' })];
    await userEvent.click(screen.getByRole('button', { name: 'Retry' }));
    expect(await screen.findByText('calm-fox-2')).toBeVisible();
    expect(screen.queryByRole('alert')).toBeNull();
    expect(screen.getByRole('tree')).not.toHaveClass('jp-mod-old');
  });

  it('says once what is wrong with several lists', async () => {
    show(server => {
      full(server);
      const problem = { code: 'unavailable', detail: 'The store is locked.', hint: 'mlops status' };
      server.refuse.set('experiments', () => json(503, problem));
      server.refuse.set('models', () => json(503, problem));
    });
    expect(await screen.findByRole('alert')).toHaveTextContent('The store is locked.mlops status');
    expect(screen.queryByRole('treeitem', { name: 'The store is locked.' })).toBeNull();
    expect(await screen.findByRole('treeitem', { name: /^Service churn/ })).toBeVisible();
  });

  it('says so when server and panel are of different versions, and which to renew', () => {
    expect(versionNotice(workspace({ version: '0.10.0' }), TRANS, '0.9.1')).toMatchObject({
      message: 'This panel is version 0.9.1 and the server extension is 0.10.0.',
      hint: 'The page is older than what is installed: reload it.'
    });
    expect(versionNotice(workspace({ version: '0.1.0' }), TRANS, '0.1.1')?.hint).toContain(
      'restart JupyterLab'
    );
    expect(versionNotice(workspace({ version: '0.1.0' }), TRANS, '0.1.0')).toBeNull();
  });
});
