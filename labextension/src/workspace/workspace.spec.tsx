import { screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { workspace } from '../testing/records';
import { HandServer, json } from '../testing/server';
import { show } from '../testing/session';
import { Placed } from './panel';

describe('a view of something in the workspace', () => {
  it('is drawn where there is one', async () => {
    show(<Placed>its view</Placed>);
    expect(await screen.findByText('its view')).toBeVisible();
  });

  it('says what makes one where there is none, until there is', async () => {
    const server = new HandServer();
    server.workspace = workspace({ exists: false, id: '', root: '', seq: 0 });
    const { session } = show(<Placed>its view</Placed>, server);
    const codes = ['%load_ext jupyter_mlops', '%%ml run', '%ml init', 'mlops init', '~/churn'];
    expect((await screen.findByText('No workspace yet.')).parentElement?.textContent).not.toContain('`');
    codes.forEach(code => expect(screen.getByText(code).tagName).toBe('CODE'));
    expect(screen.queryByText('its view')).toBeNull();
    server.workspace = workspace();
    session.changes.wake();
    session.changes.hint({ workspace: 'w1', kind: 'workspace', name: '' });
    expect(await screen.findByText('its view')).toBeVisible();
  });

  it('is drawn once somebody has made one at a click, or is told why not', async () => {
    const server = new HandServer();
    server.workspace = workspace({ exists: false, id: '', root: '', seq: 0 });
    show(<Placed>its view</Placed>, server);
    const button = await screen.findByRole('button', { name: 'Make an empty workspace' });
    server.refuse.set('workspace', () =>
      json(500, { code: 'x', detail: 'No space is left.', hint: 'Free some.' })
    );
    await userEvent.click(button);
    expect(await screen.findByText('No space is left.')).toBeVisible();
    server.refuse.clear();
    server.workspace = workspace();
    await userEvent.click(button);
    expect(await screen.findByText('its view')).toBeVisible();
    expect(server.sent.map(([path]) => path)).toEqual(['POST workspace', 'POST workspace']);
  });

  it('is drawn from a server that is older than the page and does not say whether there is one', async () => {
    const server = new HandServer();
    const { exists: _, ...older } = workspace({ version: '0.0.1' });
    server.refuse.set('workspace', () => json(200, older));
    show(<Placed>its view</Placed>, server);
    expect(await screen.findByText('its view')).toBeVisible();
  });

  it('says itself why it could not be asked for', async () => {
    const server = new HandServer();
    server.refuse.set('workspace', () => json(500, { message: 'no' }));
    show(<Placed>its view</Placed>, server);
    expect(await screen.findByText('its view')).toBeVisible();
  });
});
