import { act, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { begin, lab } from '../testing/apputils';
import { activity, service } from '../testing/records';
import { json } from '../testing/server';
import { ServiceServer, TWO, look, take } from '../testing/service';
import { show } from '../testing/session';
import { ratesBetween } from './model';

vi.mock('@jupyterlab/apputils', () => import('../testing/apputils'));
// Importing Lab's editor takes a second, and where there is none a text area is shown.
vi.mock('@jupyterlab/codeeditor', () => ({ CodeEditor: {} }));

vi.setConfig({ testTimeout: 20_000 }); // many a look by role, on a machine that may be busy
const user = userEvent.setup({ delay: null });
let server: ServiceServer;

beforeEach(() => {
  begin();
  server = new ServiceServer();
});

describe('the head', () => {
  it('tells where it answers, how it is and why, and what it serves', async () => {
    server.service = service({ state: 'degraded', message: '1 of 2 replicas are ready.', n_ready: 1 });
    const made = await server.open(user);
    expect(screen.getByText('degraded')).toBeVisible();
    expect(screen.getByText('1 of 2 replicas are ready.')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Copy the URL' }));
    expect(lab.copied).toEqual(['http://127.0.0.1:40123']);
    take(made, 'mlops:open');
    await user.click(await screen.findByRole('button', { name: 'churn:3' }));
    expect(made.ran).toEqual([['mlops:open', { kind: 'model', subject: 'churn:3' }]]);
  });

  it('shows what goes on with this service and with no other, and ends it', async () => {
    server.activities = [
      activity({ name: 'a1', progress: 0.4 }),
      activity({ name: 'a2', subject: 'service other' })
    ];
    const made = await server.open(user);
    expect(await screen.findByText('Deploy service churn: 40 %')).toBeVisible();
    expect(screen.getAllByRole('progressbar')).toHaveLength(1);
    take(made, 'mlops:cancel-activity');
    await user.click(screen.getByRole('button', { name: 'Cancel' }));
    expect(made.ran).toEqual([['mlops:cancel-activity', { activity: 'a1' }]]);
  });

  it('says why the last change failed until it is dismissed, and nothing of one before it', async () => {
    const error = {
      type: '',
      title: '',
      status: 500,
      code: 'x',
      detail: 'It does not score.',
      hint: 'Fix it.'
    };
    server.activities = [
      activity({ name: 'a2', state: 'failed', error, created_at: 2 }),
      activity({ name: 'a1', state: 'failed', message: 'long ago', created_at: 1 })
    ];
    await server.open(user);
    expect(await screen.findByRole('alert')).toHaveTextContent(
      'The last change failed: It does not score.Fix it.'
    );
    await user.click(screen.getByRole('button', { name: 'Dismiss' }));
    expect(screen.queryByRole('alert')).toBeNull();
  });

  it('offers to start the agent where none runs', async () => {
    server.answers.set('services/churn/figures', () => look(1, 0, { agent: false }));
    const made = await server.open(user);
    take(made, 'mlops:start-agent');
    await user.click(await screen.findByRole('button', { name: 'Start the agent' }));
    expect(made.ran).toEqual([['mlops:start-agent', {}]]);
  });

  it('has a button for each verb', async () => {
    const made = await server.open(user);
    const verbs = [
      ['Update…', 'mlops:update-service'],
      ['Add deployment…', 'mlops:add-deployment'],
      ['Scale…', 'mlops:scale-service'],
      ['Delete…', 'mlops:delete-service']
    ] as const;
    for (const [name, command] of verbs) {
      take(made, command);
      await user.click(screen.getByRole('button', { name }));
    }
    expect(made.ran).toEqual(verbs.map(([, command]) => [command, { service: 'churn' }]));
  });

  it('refuses what cannot be done, and says why', async () => {
    const made = await server.open(user);
    const back = screen.getByRole('button', { name: 'Roll back…' });
    expect(back).toHaveAttribute('title', 'Nothing was changed yet.');
    await user.click(back);
    expect(made.ran).toEqual([]);
  });

  it('lets those who may only read look only', async () => {
    server.permissions = ['read'];
    await server.open(user);
    await waitFor(() =>
      expect(screen.getByRole('button', { name: 'Delete…' })).toHaveAttribute('aria-disabled', 'true')
    );
    await waitFor(() => expect(screen.getByRole('slider', { name: 'Traffic of blue' })).toBeDisabled());
  });

  it('says that there is no such service', async () => {
    const { View } = await import('./view');
    const problem = { code: 'not-found', detail: "There is no service 'churn'.", hint: '', status: 404 };
    server.refuse.set('services/churn', () => json(404, problem));
    show(<View subject="churn" setTitle={() => undefined} />, server);
    expect(await screen.findByText("There is no service 'churn'.")).toBeVisible();
  });
});

describe('live figures', () => {
  it('are rates and latencies since the look before, of which the server tells', async () => {
    await server.open(user);
    const tiles = screen.getByLabelText('Figures of the last seconds');
    await screen.findByRole('row', { name: /aa01bb02/ });
    server.tell('services/churn/figures', look(102, 40));
    await waitFor(() => expect(within(tiles).getByText('20')).toBeVisible());
    expect(server.asked.filter(path => path.endsWith('figures'))).toHaveLength(1);
    expect(within(tiles).getByText('5.5 ms')).toBeVisible(); // half way into 1 to 10 ms
    expect(within(tiles).getByText('2 of 3')).toBeVisible();
    expect(screen.getByText('2 restarts')).toBeVisible();
    const replica = screen.getByRole('row', { name: /aa01bb02/ });
    expect(replica).toHaveTextContent('process 4711');
    expect(replica).toHaveTextContent('50 %');
    expect(replica).toHaveTextContent('84.0 MB');
  });

  it('lead to the log of a replica', async () => {
    server.answers.set('services/churn/logs', (_, query) => ({
      items: query.get('replica') ? [JSON.stringify({ at: 1, replica: 'aa01', message: 'only mine' })] : []
    }));
    await server.open(user);
    await user.click(await screen.findByRole('button', { name: 'Logs of replica aa01bb02cc03dd04' }));
    expect(await screen.findByText('only mine')).toBeVisible();
    expect(screen.getByRole('combobox', { name: 'Replica' })).toHaveValue('aa01bb02cc03dd04');
    const address = 'services/churn/logs?deployment=&replica=aa01bb02cc03dd04&tail=1000';
    server.tell(address, { items: [JSON.stringify({ at: 2, replica: 'aa01', message: 'written later' })] });
    expect(await screen.findByText('written later')).toBeVisible();
    expect(screen.getByText('2 lines')).toBeVisible();
    const watched = (): unknown => server.sockets.at(-1)?.sent.at(-1);
    expect(watched()).toMatchObject({ watch: expect.arrayContaining([address]) as unknown });
    server.refuse.set('services/churn/logs', () => json(503, { code: 'unavailable', detail: 'It is away.' }));
    server.sockets.at(-1)?.say({ watched: address, problem: {} });
    expect(await screen.findByText('It is away.')).toBeVisible();
    expect(screen.getByText('written later')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Follow' }));
    await waitFor(() => expect(watched()).toEqual({ watch: ['services/churn/figures'] }));
  });

  it('ask nothing while nobody looks', async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    const made = await server.open(user);
    made.unmount();
    const n = server.asked.length;
    await act(() => vi.advanceTimersByTimeAsync(5000));
    expect(server.asked).toHaveLength(n);
    vi.useRealTimers();
  });
});

describe('traffic', () => {
  it('moves the others along, and is applied as a whole', async () => {
    server.answers.set('PATCH services/churn/traffic', body => {
      const { weights } = body as { weights: Record<string, number> };
      server.service = {
        ...server.service,
        deployments: TWO.map(one => ({ ...one, weight: weights[one.name] ?? 0 }))
      };
      return server.service;
    });
    await server.open(user);
    const percent = screen.getByRole('spinbutton', { name: 'Percent of traffic of green' });
    await user.clear(percent);
    await user.type(percent, '35');
    expect(screen.getByRole('slider', { name: 'Traffic of blue' })).toHaveValue('65');
    await user.click(screen.getByRole('button', { name: 'Apply' }));
    expect(server.sent).toEqual([['PATCH services/churn/traffic', { weights: { blue: 65, green: 35 } }]]);
    await waitFor(() => expect(screen.queryByRole('button', { name: 'Apply' })).toBeNull());
    expect(screen.getByRole('slider', { name: 'Traffic of green' })).toHaveValue('35');
  });

  it('is as it was after a reset, and says why it was refused', async () => {
    const problem = {
      code: 'bad-traffic',
      detail: 'The gateway refused it.',
      hint: 'Try again.',
      status: 500
    };
    server.refuse.set('services/churn/mirror', () => json(500, problem));
    await server.open(user);
    const copies = screen.getByRole('spinbutton', { name: 'Percent of requests copied to green' });
    await user.type(copies, '5');
    await user.click(screen.getByRole('button', { name: 'Apply' }));
    expect(await screen.findByText('The gateway refused it.')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Reset' }));
    expect(copies).toHaveValue(0);
    expect(screen.queryByText('The gateway refused it.')).toBeNull();
  });

  it('of a deployment that goes is asked for once more', async () => {
    server.answers.set('DELETE services/churn/deployments/green', () => activity());
    await server.open(user);
    lab.accepts = false;
    await user.click(screen.getByRole('button', { name: 'Remove deployment green' }));
    expect(server.sent).toEqual([]);
    lab.accepts = true;
    await user.click(screen.getByRole('button', { name: 'Remove deployment green' }));
    expect(lab.asked).toEqual(['Remove deployment green?', 'Remove deployment green?']);
    await waitFor(() =>
      expect(server.sent).toEqual([['DELETE services/churn/deployments/green', undefined]])
    );
  });
});

it('settings say what applies, and lead to the form', async () => {
  server.service = service({
    history: [{ at: 1, by: 'ada', what: 'update blue to churn:4', host: 'process', deployments: [] }],
    deployments: TWO.slice(0, 1).map(one => ({
      ...one,
      scale: {
        min_replicas: 1,
        max_replicas: 8,
        target_utilization: 0.7,
        concurrency: 10,
        cool_down_s: 60
      },
      resources: { cpus: 2, memory_bytes: 1e9, gpus: 0 }
    }))
  });
  const made = await server.open(user, 'Settings');
  expect(screen.getByText('256', { selector: '[title=max_concurrent] *' })).toBeVisible();
  expect(
    screen.getByText(
      '1 to 8 replicas, as many as are 70 % busy with 10 requests each; now 2, 2 processors each, 1.0 GB of memory each'
    )
  ).toBeVisible();
  expect(screen.getByText('update blue to churn:4')).toBeVisible();
  take(made, 'mlops:configure-service');
  take(made, 'mlops:rollback-service');
  await user.click(screen.getByRole('button', { name: 'Configure…' }));
  await user.click(within(screen.getByRole('list')).getByRole('button', { name: 'Roll back…' }));
  expect(made.ran.map(([id]) => id)).toEqual(['mlops:configure-service', 'mlops:rollback-service']);
});

it('rates of all services are what came between two looks at their counters', () => {
  const counts = (at: number, requests: number): Parameters<typeof ratesBetween>[0][number] => ({
    service: 'churn',
    at,
    answered: { requests, ok: requests, refused: 0, failed: 0, in_flight: 0 }
  });
  expect(ratesBetween([], [counts(1, 10)]).size).toBe(0);
  const known = ratesBetween([counts(1, 10)], [counts(3, 30)]);
  expect(known.get('churn')).toEqual({ perS: 10, failedPerS: 0 });
  expect(ratesBetween([counts(3, 30)], [counts(3, 30)], known)).toEqual(known);
});
