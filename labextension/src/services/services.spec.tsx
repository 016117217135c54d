import { nullTranslator } from '@jupyterlab/translation';
import { screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import { model, service, version } from '../testing/records';
import { HandServer } from '../testing/server';
import { show } from '../testing/session';
import { servedText, serviceNodes } from './model';
import type { ServiceNode } from './model';
import { withCounts, withQuietCounts } from '../service/model';
import type { Counted } from '../service/model';
import { ServiceRow } from './panel';

const TRANS = nullTranslator.load('jupyter_mlops');

describe('services', () => {
  it('say what to type when there is none', () => {
    expect(serviceNodes([], [], '', TRANS)).toMatchObject([
      { kind: 'hint', code: '%ml services deploy NAME MODEL' }
    ]);
  });

  it('name the model versions they serve, their manifests while these are not known', () => {
    const models = [model({ versions: [version({ version: 3, services: ['churn'] })] })];
    expect((serviceNodes([service()], models, '', TRANS)[0] as ServiceNode).serves).toEqual(['churn:3']);
    expect(['churn:3', 'churn-eu:3'].map(one => servedText(one, 'churn'))).toEqual(['v3', 'churn-eu:3']);
    expect((serviceNodes([service()], [], '', TRANS)[0] as ServiceNode).serves).toEqual(['churn:1']);
  });

  it('say why they are not ready', () => {
    const [node] = serviceNodes(
      [service({ state: 'failed', message: 'The sample did not score.', n_ready: 0 })],
      [],
      '',
      TRANS
    );
    expect(node?.children).toMatchObject([
      { name: 'why', value: 'The sample did not score.', tone: 'error' },
      { name: 'URL' },
      { name: 'serves' },
      { name: 'replicas', value: '0 of 1 ready' },
      { name: 'host' }
    ]);
  });

  it('say which deployment has which share of the traffic where there are several', () => {
    const deployments = service().deployments.flatMap(one => [
      { ...one, name: 'blue', weight: 90 },
      { ...one, name: 'green', weight: 10 }
    ]);
    expect(serviceNodes([service({ deployments })], [], '', TRANS)[0]?.children).toContainEqual(
      expect.objectContaining({ name: 'traffic', value: 'blue 90%, green 10%' })
    );
    expect(serviceNodes([service()], [], '', TRANS)[0]?.children).not.toContainEqual(
      expect.objectContaining({ name: 'traffic' })
    );
  });

  it('give their URL to the clipboard, and none before they have a port', async () => {
    const copied: string[] = [];
    const [node] = serviceNodes([service()], [], '', TRANS);
    const first = show(<ServiceRow node={node as ServiceNode} copy={text => copied.push(text)} />);
    await userEvent.click(screen.getByRole('button', { name: 'Copy the URL of churn' }));
    expect(copied).toEqual(['http://127.0.0.1:40123']);
    const [starting] = serviceNodes([service({ port: 0, url: '', state: 'pending' })], [], '', TRANS);
    first.unmount();
    show(<ServiceRow node={starting as ServiceNode} copy={text => copied.push(text)} />);
    expect(screen.queryByRole('button')).toBeNull();
  });

  it('show how many requests a second they answer, as long as they answer any', async () => {
    const server = new HandServer();
    const counts = (at: number, requests: number): unknown => ({
      items: [{ service: 'churn', at, answered: { requests, failed: 0 } }]
    });
    server.answers.set('counts', () => counts(1000, 0));
    const [node] = serviceNodes([service()], [], '', TRANS);
    const { session } = show(<ServiceRow node={node as ServiceNode} copy={() => undefined} />, server);
    session.look(server, true);
    server.sockets[0]?.accept();
    await waitFor(() => expect(server.sockets[0]?.sent).toEqual([{ watch: ['counts'] }]));
    await waitFor(() => expect(server.asked).toEqual(['counts']));
    server.sockets[0]?.say({ watched: 'counts', answer: counts(1002, 50) });
    expect(await screen.findByText('25/s')).toBeVisible();
  });

  it('that are told no more have stopped, and begin anew from where they stopped', () => {
    const told = (at: number, requests: number): Parameters<typeof withCounts>[1] => [
      { service: 'churn', at, answered: { requests, ok: requests, refused: 0, failed: 0, in_flight: 0 } }
    ];
    const rate = ({ rates }: Counted): number | undefined => rates.get('churn')?.perS;
    let known = withCounts(withCounts(undefined, told(1000, 0), 0), told(1002, 50), 2000);
    expect(rate(known)).toBe(25);
    known = withQuietCounts(known, 5000); // one look late is no news
    expect(rate(known)).toBe(25);
    known = withQuietCounts(known, 62_000);
    expect(rate(known)).toBe(0);
    expect(withQuietCounts(known, 62_000).rates).toBe(known.rates);
    known = withCounts(known, told(1064, 90), 64_000);
    expect(rate(known)).toBe(10); // in the four seconds that nobody can tell apart, not in the minute of silence
  });
});
