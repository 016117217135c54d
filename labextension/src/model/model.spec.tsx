import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import type { ModelContents } from '../api/types';
import { activity, model, run, version } from '../testing/records';
import { HandServer, json } from '../testing/server';
import { show } from '../testing/session';
import type { Shown } from '../testing/session';
import { byRun, meant, missed, readSubject, slotsOf, splitFolder, tableOf, trialOf, windowOf } from './model';
import type { Subject } from './model';
import { View } from './view';

vi.mock('@jupyterlab/apputils', () => import('../testing/apputils'));

function contents(change: Partial<ModelContents> = {}): ModelContents {
  return {
    name: 'churn',
    version: 2,
    files: [{ path: 'model.skops', n_bytes: 1200, digest: 'ab'.repeat(32) }],
    n_bytes: 1200,
    schema: {
      columns: [{ name: 'age', type: 'double', required: true }],
      tensors: [],
      output_columns: [],
      output_tensors: [{ name: '', dtype: 'int64', shape: [-1] }],
      params: []
    },
    sample: { dataframe_split: { columns: ['age'], data: [[20.5]] } },
    requirements: ['scikit-learn==1.7.2'],
    python: '3.11.7',
    library: 'sklearn 1.7.2',
    problems: [],
    ...change
  };
}

function serve(subject = 'churn', prepare: (server: HandServer) => void = () => undefined): Shown {
  const server = new HandServer();
  const versions = [2, 1].map(number =>
    version({ version: number, aliases: number === 1 ? ['champion'] : [] })
  );
  server.answers.set('models/churn', () => model({ versions, latest: 2, aliases: { champion: 1 } }));
  for (const number of [1, 2]) {
    server.answers.set(`models/churn/versions/${number}/contents`, () => contents({ version: number }));
  }
  server.answers.set('models/churn/delivered', () => ({ manifests: [], uses: [] }));
  const detail = { run: run({ metrics: { auc: 0.94, 'system/cpu': 3, loss: 'NaN' } }), children: [] };
  server.answers.set('runs/r1', () => detail);
  prepare(server);
  return show(<View subject={subject} setTitle={() => undefined} />, server);
}

describe('a subject', () => {
  it('names a model, a version of it, or, where no model is called so, an alias', () => {
    const churn = { name: 'churn', version: null, alias: null };
    expect(readSubject('churn')).toEqual([churn]);
    expect(readSubject('churn:3')).toEqual([{ ...churn, version: 3 }]);
    expect(readSubject('churn:x')).toEqual([churn]);
    expect(readSubject('churn@champion')).toEqual([
      { ...churn, name: 'churn@champion' },
      { ...churn, alias: 'champion' }
    ]);
    expect(readSubject('ops@home:3')).toEqual([{ name: 'ops@home', version: 3, alias: null }]);
    expect(readSubject('ops@home@live')[1]).toEqual({ name: 'ops@home', version: null, alias: 'live' });
  });

  it('means a version, else the newest', () => {
    const two = model({ versions: [version({ version: 2 }), version()], aliases: { champion: 1 } });
    const of = (change: Partial<Subject>): Subject => ({ name: '', version: null, alias: null, ...change });
    expect(meant(two, of({}))?.version).toBe(2);
    expect(meant(two, of({ alias: 'champion' }))?.version).toBe(1);
    expect(meant(two, of({ version: 9 }))?.version).toBe(2);
    expect(missed(two, of({ version: 9 }))).toBe(':9');
    expect(missed(two, of({ alias: 'gone' }))).toBe('@gone');
    expect(missed(two, of({ alias: 'champion' }))).toBeNull();
    expect(meant(model({ versions: [] }), of({}))).toBeNull();
  });
});

describe('a sample', () => {
  it('is a table in each form that has rows', () => {
    const rows = [[1, 'a']];
    expect(tableOf({ dataframe_split: { columns: ['n', 's'], data: rows } })).toEqual({
      columns: ['n', 's'],
      rows
    });
    expect(tableOf({ instances: [{ n: 1 }, { n: 2, s: 'b' }] })).toEqual({
      columns: ['n', 's'],
      rows: [
        [1, undefined],
        [2, 'b']
      ]
    });
    expect(tableOf({ inputs: rows })).toEqual({ columns: ['0', '1'], rows });
  });

  it('is none for tensors of more dimensions, and for text', () => {
    for (const sample of [null, 'text', 3, [], { inputs: [[[1]]] }, { inputs: [] }, { anything: 1 }]) {
      expect(tableOf(sample)).toBeNull();
    }
  });
});

describe('the signature', () => {
  it('shows any length of a tensor as a star', () => {
    const { schema } = contents();
    expect(schema && slotsOf(schema, 'outputs')).toEqual([
      { name: '', type: 'int64', shape: '(*)', isRequired: true }
    ]);
  });
});

describe('rows in view', () => {
  it('are few of many', () => {
    expect(windowOf(5000, 50, 100_000, 500)).toEqual({ first: 1994, end: 2016 });
    expect(windowOf(3, 50, 0, 500)).toEqual({ first: 0, end: 3 });
    expect(windowOf(3, 50, 90_000, 500)).toEqual({ first: 3, end: 3 });
  });
});

it('tells versions apart by the run that they come from, oldest first', () => {
  const made = [3, 2, 1].map(number => version({ version: number, run_id: number > 1 ? 'r2' : 'r1' }));
  expect([...byRun([...made, version({ version: 4, run_id: null })])]).toEqual([
    ['r1', [1]],
    ['r2', [2, 3]]
  ]);
});

it('splits where a folder is to be made', () => {
  expect(splitFolder('/data/models/churn-3/')).toEqual({ inside: 'data/models', name: 'churn-3' });
  expect(splitFolder('churn-3')).toEqual({ inside: '', name: 'churn-3' });
});

it('reads what the test of an image found, and of nothing else', () => {
  const result = { ready_s: 1.2, median_ms: 3, same: false, difference: 'row 1' } as never;
  expect(trialOf(activity({ verb: 'images.test', result }))).toMatchObject({
    same: false,
    difference: 'row 1'
  });
  expect(trialOf(activity({ verb: 'images.build', result }))).toBeNull();
});

describe('the view', () => {
  it('begins with the newest version and what its run measured, without the machine’s metrics', async () => {
    serve();
    expect(await screen.findByRole('heading', { name: 'Version 2' })).toBeVisible();
    expect(await screen.findByText('0.94')).toBeVisible();
    expect(screen.getByText('NaN')).toBeVisible();
    expect(screen.queryByText('system/cpu')).toBeNull();
  });

  it('takes an @ for a part of a name where a model is called so, else for that of an alias', async () => {
    const own = model({ name: 'churn@champion', versions: [version({ version: 7 })], latest: 7 });
    const shown = serve('churn@champion');
    expect(await screen.findByRole('heading', { name: 'Version 1' })).toBeVisible();
    shown.unmount();
    serve('churn@champion', server => server.answers.set('models/churn@champion', () => own));
    expect(await screen.findByRole('heading', { name: 'Version 7' })).toBeVisible();
  });

  it('says when the version of a link is gone', async () => {
    serve('churn:9');
    expect(await screen.findByText('There is no churn:9; this is the newest version.')).toBeVisible();
  });

  it('goes through versions with the arrow keys and chooses with Space', async () => {
    serve();
    const list = await screen.findByRole('grid');
    list.focus();
    await userEvent.keyboard(' {ArrowDown} ');
    expect(await screen.findByRole('heading', { name: 'Version 1' })).toBeVisible();
    expect(screen.getByRole('button', { name: 'Compare 2' })).not.toHaveAttribute('aria-disabled');
    await userEvent.keyboard('{End}{Home}');
    expect(await screen.findByRole('heading', { name: 'Version 2' })).toBeVisible();
    expect(within(list).getAllByRole('row')[0]).toHaveAttribute('aria-selected', 'true');
  });

  it('moves an alias here and says where it was', async () => {
    const { server } = serve();
    server.answers.set('POST models/churn/aliases/champion', () => version({ version: 2 }));
    await userEvent.click(await screen.findByRole('button', { name: 'Promote…' }));
    await userEvent.type(screen.getByRole('combobox', { name: 'Alias for version 2' }), '@champion');
    expect(screen.getByText('Version 1 has it now.')).toBeVisible();
    await userEvent.keyboard('{Enter}');
    expect(await screen.findByRole('button', { name: 'Promote…' })).toHaveFocus(); // not nothing
    expect(server.sent).toEqual([['POST models/churn/aliases/champion', { version: 2 }]]);
  });

  it('says in the server’s words why an alias cannot be', async () => {
    const { server } = serve();
    const problem = { code: 'reserved-alias', detail: "'v2' cannot be an alias.", hint: 'Say champion.' };
    server.refuse.set('models/churn/aliases/v2', () => json(400, problem));
    await userEvent.click(await screen.findByRole('button', { name: 'Promote…' }));
    await userEvent.type(screen.getByRole('combobox', { name: 'Alias for version 2' }), 'v2{Enter}');
    expect(await screen.findByRole('alert')).toHaveTextContent('Say champion.');
  });

  it('lets those who may only read look, and says so', async () => {
    const { server } = serve('churn', hand => (hand.permissions = ['read']));
    const promote = await screen.findByRole('button', { name: 'Promote…' });
    await screen.findByText('0.94');
    expect(promote).toHaveAttribute('aria-disabled', 'true');
    await userEvent.click(promote);
    expect(screen.queryByRole('combobox')).toBeNull();
    expect(server.sent).toEqual([]);
  });

  it('keeps a description that is being written over a look at another tab, without taking the focus', async () => {
    const { server } = serve();
    const box = (): HTMLElement => screen.getByLabelText('Description in Markdown');
    const head = await screen.findByRole('heading', { name: 'Description' }); // of the version, not of the model
    await userEvent.click(
      within(head.parentElement ?? document.body).getByRole('button', { name: 'Describe' })
    );
    expect(box()).toHaveFocus();
    await userEvent.keyboard('On May');
    await userEvent.click(screen.getByRole('tab', { name: 'Overview' }));
    await userEvent.keyboard('{ArrowRight}');
    expect(screen.queryByLabelText('Description in Markdown')).toBeNull();
    await userEvent.keyboard('{ArrowLeft}');
    expect(box()).toHaveValue('On May');
    expect(screen.getByRole('tab', { name: 'Overview' })).toHaveFocus();
    const list = screen.getByRole('grid');
    list.focus();
    await userEvent.keyboard('{ArrowDown}');
    expect(await screen.findByRole('heading', { name: 'Version 1' })).toBeVisible();
    expect(screen.queryByLabelText('Description in Markdown')).toBeNull(); // it is of version 2 alone
    await userEvent.keyboard('{ArrowUp}');
    expect(box()).toHaveValue('On May');
    server.answers.set('PATCH models/churn/versions/2', () => version({ version: 2 }));
    fireEvent.click(screen.getByRole('button', { name: 'Save' }));
    fireEvent.click(screen.getByRole('tab', { name: 'Serving' })); // before the answer is there
    await waitFor(() =>
      expect(server.sent).toEqual([['PATCH models/churn/versions/2', { description: 'On May' }]])
    );
    await screen.findByText('No service has it deployed.');
    await userEvent.click(screen.getByRole('tab', { name: 'Overview' }));
    await waitFor(() => expect(screen.queryByLabelText('Description in Markdown')).toBeNull());
  });

  it('shows what can be read of files that are damaged', async () => {
    const problem = {
      type: '',
      title: '',
      status: 400,
      code: 'bad-model',
      detail: 'No signature.',
      hint: ''
    };
    serve('churn', server =>
      server.answers.set('models/churn/versions/2/contents', () =>
        contents({ schema: null, problems: [problem] })
      )
    );
    expect(await screen.findByText('No signature.')).toBeVisible();
    await userEvent.click(screen.getByRole('tab', { name: 'Files and packages' }));
    expect(await screen.findByText('scikit-learn==1.7.2')).toBeVisible();
  });

  it('says that there is no such model', async () => {
    serve('churn', server =>
      server.refuse.set('models/churn', () =>
        json(404, { code: 'not-found', detail: "There is no model 'churn'.", hint: '' })
      )
    );
    expect(await screen.findByRole('alert')).toHaveTextContent("There is no model 'churn'.");
  });
});
