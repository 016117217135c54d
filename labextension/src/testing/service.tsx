/** A service as its view finds it: two deployments, counters that grow by 20 requests each second, and a sample. */

import { screen } from '@testing-library/react';
import type { UserEvent } from '@testing-library/user-event';

import type { Service } from '../api/types';
import type { Figures } from '../service/figures';
import { giveCanvas } from './canvas';
import { model, service, version } from './records';
import { HandServer } from './server';
import { show } from './session';
import type { Shown } from './session';

giveCanvas(); // uPlot looks for a canvas and for media queries as soon as it is imported
const { View } = await import('../service/view');

const [ONE] = service().deployments;

export const TWO = (ONE ? [ONE] : []).flatMap(one => [
  { ...one, name: 'blue', weight: 90, replicas: 2 },
  { ...one, name: 'green', weight: 10, manifest: 'churn:2' }
]);

export const SAMPLE = { columns: ['age'], data: [[20], [50]] };

export function look(at: number, requests: number, change: Partial<Figures> = {}): Figures {
  const failed = requests / 10;
  return {
    at,
    answered: { requests, ok: requests - failed, refused: 0, failed, in_flight: 3 },
    replicas: [
      {
        id: 'aa01bb02cc03dd04',
        deployment: 'blue',
        current: true,
        manifest: 'churn:1',
        host: 'process',
        started_at: Date.now() / 1000 - 7200,
        state: 'ready',
        pid: 4711,
        container: '',
        in_flight: 3,
        statuses: { '200': requests },
        latencies: { bounds_s: [0.001, 0.01], counts: [0, requests, 0] },
        cpu_s: at / 2,
        memory_bytes: 84_000_000,
        n_kept: 0,
        n_lost: 0
      }
    ],
    restarts: { blue: 2 },
    agent: true,
    trouble: '',
    ...change
  };
}

/** The server, whose service a spec may change. */
export class ServiceServer extends HandServer {
  service: Service = service({ deployments: TWO, n_ready: 2 });

  constructor() {
    super();
    let at = 100;
    this.models = [model({ versions: [version({ version: 3, services: ['churn'] })] })];
    this.answers.set('services/churn', () => this.service);
    this.answers.set('services/churn/figures', () => look(++at, (at - 100) * 20));
    this.answers.set('services/churn/mirror', () => ({ items: [] }));
    this.answers.set('services/churn/example', () => ({
      deployment: 'blue',
      manifest: 'churn:1',
      body: SAMPLE,
      is_sample: true,
      takes_bytes: false
    }));
  }

  /** Say of a thing that is watched how it is now. */
  tell(watched: string, answer: unknown): void {
    this.sockets.at(-1)?.say({ watched, answer });
  }

  /** Draw the view, at one of its tabs, with an open socket. */
  async open(user: UserEvent, tab = 'Live'): Promise<Shown> {
    const made = show(<View subject="churn" setTitle={() => undefined} />, this);
    made.session.look(this, true);
    this.sockets.at(-1)?.accept();
    await screen.findByRole('heading', { name: /churn/ });
    await user.click(screen.getByRole('tab', { name: tab }));
    return made;
  }
}

/** Let a command be run, which does nothing; `ran` of what is shown tells that it was. */
export function take(made: Shown, command: string): void {
  made.session.lab.commands.addCommand(command, { execute: () => undefined });
}
