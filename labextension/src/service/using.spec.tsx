import { act, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { begin, lab } from '../testing/apputils';
import { service } from '../testing/records';
import { json } from '../testing/server';
import { SAMPLE, ServiceServer, take } from '../testing/service';

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

describe('the console', () => {
  const box = (): HTMLTextAreaElement => screen.getByRole('textbox', { name: 'Body of the request' });

  it('sends the sample, and shows answer, status, time and who gave it', async () => {
    const headers = {
      'server-timing': 'service;dur=3.21',
      'x-mlops-deployment': 'green',
      'x-request-id': 'r-9'
    };
    server.refuse.set('services/churn/score', () => new Response('{"predictions":[0.5]}', { headers }));
    await server.open(user, 'Try it');
    await waitFor(() => expect(JSON.parse(box().value)).toEqual(SAMPLE));
    await user.click(screen.getByRole('button', { name: 'Send' }));
    const answer = screen.getByRole('region', { name: 'Answer' });
    expect(await within(answer).findByText('200')).toBeVisible();
    expect(answer).toHaveTextContent('3.2 ms');
    expect(answer).toHaveTextContent('by green');
    expect(answer).toHaveTextContent('{ "predictions": [0.5] }');
    expect(server.sent).toEqual([['POST services/churn/score', SAMPLE]]);
    server.answers.set('services/churn/logs', () => ({ items: [] }));
    await user.click(screen.getByRole('button', { name: 'In the log' }));
    expect(screen.getByRole('searchbox', { name: 'Search the log' })).toHaveValue('r-9');
  });

  it('shows what the service refuses in its own words', async () => {
    const problem = { code: 'bad-column', detail: 'Column "age" is missing.', hint: 'Send it.', status: 422 };
    server.refuse.set('services/churn/score', () => json(422, problem));
    await server.open(user, 'Try it');
    await user.click(await screen.findByRole('button', { name: 'Send' }));
    expect(await screen.findByRole('alert')).toHaveTextContent('Column "age" is missing.Send it.bad-column');
    expect(screen.getByText('422')).toBeVisible();
  });

  it('says where JSON breaks off, formats it, sends it by keyboard, and keeps it while another tab is looked at', async () => {
    server.refuse.set('services/churn/score', () => new Response('1'));
    await server.open(user, 'Try it');
    await waitFor(() => expect(box()).not.toHaveValue(''));
    await user.clear(box());
    await user.type(box(), '{{"a": [[1,');
    expect(screen.getByText(/^(Line 1|No JSON)/)).toBeVisible();
    expect(screen.getByRole('button', { name: 'Format JSON' })).toHaveAttribute('aria-disabled', 'true');
    await user.type(box(), '2]}');
    await user.click(screen.getByRole('button', { name: 'Format JSON' }));
    expect(box()).toHaveValue('{\n  "a": [1, 2]\n}');
    await user.click(screen.getByRole('tab', { name: 'Settings' }));
    await user.click(screen.getByRole('tab', { name: 'Try it' }));
    expect(box()).toHaveValue('{\n  "a": [1, 2]\n}');
    await user.type(box(), '{Control>}{Enter}{/Control}');
    expect(server.sent).toEqual([['POST services/churn/score', { a: [1, 2] }]]);
    await user.click(screen.getByRole('button', { name: 'Sample' }));
    expect(JSON.parse(box().value)).toEqual(SAMPLE);
  });

  it('takes a file: into the editor what a person can edit, as it is what not, and not what the model does not take', async () => {
    const png = `iVBORw0KGgo${'A'.repeat(80)}`;
    server.refuse.set('services/churn/score', () => json(200, { predictions: [png] }));
    const made = await server.open(user, 'Try it');
    await waitFor(() => expect(box()).not.toHaveValue(''));
    const input = screen.getByLabelText('File to send');
    const rows = Object.assign(new File(['age\n20'], 'rows.csv'), { text: () => Promise.resolve('age\n20') });
    await user.upload(input, rows); // jsdom's files have no text()
    await waitFor(() => expect(box()).toHaveValue('age\n20'));
    expect(screen.getByRole('combobox', { name: 'Format' })).toHaveValue('text/csv');

    await user.upload(input, new File(['bytes'], 'cat.bin'));
    expect(await screen.findByText('cat.bin')).toBeVisible();
    expect(screen.getByRole('button', { name: 'Send' })).toHaveAttribute(
      'title',
      'churn:1 takes no pictures or other bytes: send JSON, CSV or an Arrow stream.'
    );
    await user.upload(input, new File(['x'.repeat(600_000)], 'rows.arrow'));
    await user.click(screen.getByRole('button', { name: 'Send' }));
    expect(await screen.findByRole('img', { name: 'Picture at predictions.0' })).toBeVisible();
    expect(server.sent.map(([what]) => what)).toEqual(['POST services/churn/score']);
    server.service = service({ limits: { ...server.service.limits, max_body_bytes: 1000 } });
    await act(() => made.session.queries.invalidateQueries({ queryKey: ['service', 'churn'] }));
    expect(await screen.findByText('The service takes 1.0 kB at most.')).toBeVisible();
    await user.click(screen.getByRole('button', { name: 'Back to text' }));
    expect(box()).toHaveValue('age\n20');
  });

  it('calls the deployment that is chosen, with its own sample', async () => {
    await server.open(user, 'Try it');
    await user.selectOptions(screen.getByRole('combobox', { name: 'Deployment' }), 'green');
    await waitFor(() => expect(server.asked).toContain('services/churn/example?deployment=green'));
    await user.selectOptions(screen.getByRole('combobox', { name: 'Format' }), 'CSV');
    await waitFor(() => expect(box()).toHaveValue('age\n20\n50'));
  });
});

describe('the log', () => {
  it('is searched and narrowed', async () => {
    server.answers.set('services/churn/logs', (_, query) => ({
      items: [
        JSON.stringify({ at: 1, level: 'info', deployment: 'blue', replica: 'aa01', message: 'loaded' }),
        JSON.stringify({ at: 2, level: 'error', deployment: 'green', replica: 'bb02', message: 'broke' })
      ].filter(line => line.includes(query.get('deployment') ?? ''))
    }));
    await server.open(user, 'Logs');
    expect(await screen.findByText('broke')).toBeVisible();
    await user.type(screen.getByRole('searchbox', { name: 'Search the log' }), 'load');
    expect(screen.queryByText('broke')).toBeNull();
    expect(screen.getByText('1 line')).toBeVisible();
    await user.clear(screen.getByRole('searchbox', { name: 'Search the log' }));
    await user.selectOptions(screen.getByRole('combobox', { name: 'Level' }), 'errors');
    expect(screen.queryByText('loaded')).toBeNull();
    await user.selectOptions(screen.getByRole('combobox', { name: 'Level' }), 'all');
    await user.selectOptions(screen.getByRole('combobox', { name: 'Deployment' }), 'blue');
    await waitFor(() => expect(screen.queryByText('broke')).toBeNull());
    expect(await screen.findByText('loaded')).toBeVisible();
  });
});

it('requests that were kept open, and go into the console', async () => {
  server.service = service({
    telemetry: { enabled: true, sample: 0.5, hash: ['name'], drop: ['age'], store: '', keep_days: 30 }
  });
  server.answers.set('services/churn/telemetry', () => ({
    items: [
      {
        at: '2026-11-21T19:30:00.000Z',
        id: 'r-1',
        deployment: 'm1',
        replica: 'aa01',
        model: 'churn:1',
        route: '/score',
        status: 200,
        ms: 1.5,
        rows: 1,
        inputs: { data: [[7]] },
        outputs: { predictions: [1] },
        collected: { segment: 'eu' },
        left_out: ''
      }
    ]
  }));
  await server.open(user, 'Requests');
  expect(
    screen.getByText(
      '50 % of requests are kept, drawn by lot, for 30 days, in the workspace, without age, with name as digests.'
    )
  ).toBeVisible();
  await user.click(await screen.findByRole('button', { name: 'r-1' }));
  expect(screen.getByText('{"segment": "eu"}')).toBeVisible();
  await user.click(screen.getByRole('button', { name: 'Try it again' }));
  const body = screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Body of the request' });
  expect(JSON.parse(body.value)).toEqual({ data: [[7]] });
});

describe('access', () => {
  beforeEach(() => {
    server.answers.set('services/churn/keys', () => ({
      primary: 'first-secret',
      secondary: 'second-secret'
    }));
    server.answers.set('services/churn/clients/python', () => program('python'));
    server.answers.set('services/churn/clients/r', () => program('r'));
  });
  const program = (language: string): unknown => ({
    language,
    file: `client.${language}`,
    run: `run ${language}`,
    source: `source in ${language}`
  });

  it('copies a key without showing or even asking for it before', async () => {
    const made = await server.open(user, 'Access');
    expect(server.asked).not.toContain('services/churn/keys');
    const primary = screen.getByRole('group', { name: 'Primary key' });
    await user.click(within(primary).getByRole('button', { name: 'Copy' }));
    expect(await screen.findByText('Primary key is copied.')).toBeVisible();
    expect(lab.copied).toEqual(['first-secret']);
    expect(document.body).not.toHaveTextContent('first-secret');
    expect(
      JSON.stringify(
        made.session.queries
          .getQueryCache()
          .getAll()
          .map(one => one.state.data)
      )
    ).not.toContain('secret');
  });

  it('shows a key when asked to, and hides it again, by itself where it changes', async () => {
    const made = await server.open(user, 'Access');
    const secondary = screen.getByRole('group', { name: 'Secondary key' });
    await user.click(within(secondary).getByRole('button', { name: 'Show' }));
    expect(await screen.findByText('second-secret')).toBeVisible();
    await user.click(within(secondary).getByRole('button', { name: 'Hide' }));
    expect(screen.queryByText('second-secret')).toBeNull();
    await user.click(within(secondary).getByRole('button', { name: 'Show' }));
    expect(await screen.findByText('second-secret')).toBeVisible();
    server.service = { ...server.service, key_digests: ['a', 'b'] };
    await act(() => made.session.queries.invalidateQueries({ queryKey: ['service', 'churn'] }));
    await waitFor(() => expect(screen.queryByText('second-secret')).toBeNull());
    take(made, 'mlops:regenerate-key');
    const again = screen.getByRole('group', { name: 'Secondary key' });
    await user.click(within(again).getByRole('button', { name: 'Regenerate…' }));
    expect(made.ran).toEqual([['mlops:regenerate-key', { service: 'churn', which: 'secondary' }]]);
  });

  it('gives client code in the language that is chosen', async () => {
    await server.open(user, 'Access');
    expect(await screen.findByText('source in python')).toBeVisible();
    await user.click(screen.getByRole('tab', { name: 'R' }));
    await screen.findByText('source in r');
    await user.click(screen.getByRole('button', { name: 'Copy code' }));
    expect(lab.copied).toEqual(['source in r']);
  });

  it('makes a certificate when that is confirmed, and shows the one that there is', async () => {
    const certificate = {
      kind: 'self-made' as const,
      fingerprint: 'ab12',
      names: ['localhost'],
      begins_at: 1,
      expires_at: 2
    };
    const trust = { service: 'churn', certificate, authority: 'PEM', authority_file: '/ws/ca.pem' };
    server.answers.set('POST services/churn/certificate', () => trust);
    server.answers.set('services/churn/certificate', () => trust);
    const made = await server.open(user, 'Access');
    await user.click(screen.getByRole('button', { name: 'Use HTTPS…' }));
    await waitFor(() => expect(server.sent).toEqual([['POST services/churn/certificate', {}]]));
    server.service = { ...server.service, certificate };
    await act(() => made.session.queries.invalidateQueries({ queryKey: ['service', 'churn'] }));
    expect(await screen.findByText('ab12')).toBeVisible();
    await user.click(await screen.findByRole('button', { name: 'Copy the authority' }));
    expect(lab.copied).toEqual(['PEM']);
  });
});
