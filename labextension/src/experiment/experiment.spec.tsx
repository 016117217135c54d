import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { afterEach, describe, expect, it, vi } from 'vitest';

import type { Run } from '../api/types';
import { CommandIDs } from '../commands';
import { run } from '../testing/records';
import { HandServer, json } from '../testing/server';
import { show } from '../testing/session';
import type { Shown } from '../testing/session';
import { csvField } from '../common/csv';
import { fileName, groupsCsv, runsCsv } from './csv';
import { countRows, locate, rootAt, rowsBelow, windowFor } from './flat';
import { withMark } from './menus';
import { FRESH, both, defaultColumns, fieldOf, has, idOf, nextOrder, readState, wantedOf } from './model';
import { choicesOf } from './picker';
import { View } from './view';

describe('a column', () => {
  it.each([
    ['status', { group: '', key: 'status' }],
    ['metrics.val/auc', { group: 'metrics', key: 'val/auc' }],
    ['params.`odd name`', { group: 'params', key: 'odd name' }],
    ['tags.a.b', { group: 'tags', key: 'a.b' }]
  ] as const)('%s is read and written', (id, field) => {
    expect(fieldOf(id)).toEqual(field);
    expect(idOf(field)).toBe(id);
  });

  it('of a new table is what most runs have, and nothing that is ours', () => {
    const known = [
      { field: 'metrics.system/cpu', n_runs: 9 },
      { field: 'metrics.loss', n_runs: 3 },
      { field: 'metrics.auc', n_runs: 9 },
      { field: 'params.C', n_runs: 1 },
      { field: 'params.old', n_runs: null }
    ];
    const shown = defaultColumns(known, false).map(column => column.id);
    expect(shown.slice(-3)).toEqual(['metrics.auc', 'metrics.loss', 'params.C']);
    expect(defaultColumns([], true).map(column => column.id)).toContain('experiment');
    expect(wantedOf(defaultColumns(known, false))).toBe('metrics.auc, metrics.loss, params.C');
  });

  it('is found by any part of its name', () => {
    const known = [{ field: 'metrics.val/auc', n_runs: 1 }];
    expect(choicesOf(known, { status: 'Zustand' }, 'auc')[1]?.[1].map(one => one.label)).toEqual(['val/auc']);
    expect(choicesOf(known, { status: 'Zustand' }, 'zust')[0]?.[1].map(one => one.id)).toEqual(['status']);
  });

  it('orders one way, the other way, and no longer', () => {
    const once = nextOrder(null, 'metrics.auc');
    expect(once).toEqual({ id: 'metrics.auc', descending: true });
    expect(nextOrder(once, 'metrics.auc')).toEqual({ id: 'metrics.auc', descending: false });
    expect(nextOrder({ id: 'metrics.auc', descending: false }, 'metrics.auc')).toBeNull();
    expect(nextOrder(once, 'params.C')).toEqual({ id: 'params.C', descending: false });
  });

  it('is marked until it is marked again', () => {
    const marks = withMark({}, 'metrics.auc', 'highest');
    expect(withMark(marks, 'metrics.auc', 'highest')).toEqual({});
    expect(withMark(marks, 'metrics.auc', 'lowest')).toEqual({ 'metrics.auc': 'lowest' });
  });
});

describe('what was kept', () => {
  it('is read whatever it is', () => {
    expect([null, 7, { columns: 'x', order: { id: 3 }, marks: [1] }].map(readState)).toEqual([
      FRESH,
      FRESH,
      FRESH
    ]);
    const kept = { ...FRESH, columns: [{ id: 'metrics.a', width: 90 }], by: 'params.C', folds: false };
    expect(readState(JSON.parse(JSON.stringify(kept)))).toEqual({
      ...kept,
      columns: [
        { id: 'name', width: 240 },
        { id: 'metrics.a', width: 90 }
      ]
    });
  });
});

describe('a filter', () => {
  it('takes a value as it is written', () => {
    expect(has('params.a', "it's")).toBe("params.a = 'it''s'");
    expect(both('a = 1 or b = 2', has('params.a', null))).toBe('(a = 1 or b = 2) and params.a is null');
  });
});

describe('rows with folds', () => {
  const of = (id: string): Run => run({ id });
  const below = rowsBelow(
    'p',
    'w',
    1,
    id => {
      const runs = { p: [of('a'), of('b')], b: [of('c')] }[id];
      return runs && { runs, nChildren: { b: 1 }, n: id === 'p' ? 5 : 1 };
    },
    id => id === 'b'
  );

  it('are unfolded to any depth, with what is left out', () => {
    expect(below.map(row => [row.kind, row.depth])).toEqual([
      ['run', 1],
      ['run', 1],
      ['run', 2],
      ['rest', 1]
    ]);
    expect(below[3]).toMatchObject({ n: 3, where: 'w' });
    expect(
      rowsBelow(
        'q',
        'w',
        1,
        () => undefined,
        () => false
      )
    ).toMatchObject([{ kind: 'rest', n: null }]);
  });

  it('are found by their place', () => {
    const unfolded = [{ index: 1, rows: below }];
    expect(countRows(3, unfolded)).toBe(7);
    const places = [0, 1, 2, 5, 6].map(at => {
      const place = locate(at, unfolded);
      return 'row' in place ? place.row.kind : place.root;
    });
    expect(places).toEqual([0, 1, 'run', 'rest', 2]);
    expect([0, 1, 2, 5, 6].map(at => rootAt(at, unfolded))).toEqual([0, 1, 1, 1, 2]);
  });

  it('are asked for in windows that hold what is seen, and move seldom', () => {
    for (const first of [0, 7, 39, 40, 44, 45, 46, 120, 9_999]) {
      const { skip, limit } = windowFor(first, first + 30);
      expect(skip).toBeLessThanOrEqual(first);
      expect(skip + limit).toBeGreaterThanOrEqual(first + 30);
    }
    expect(windowFor(10, 40)).toEqual(windowFor(30, 60));
  });
});

describe('a file', () => {
  it('has what runs have, and nothing that a spreadsheet would run', () => {
    expect(['=1+1', '-1+cmd()', '-0.5', '-x', 'a,"b"', 'NaN', '-Infinity', null].map(csvField)).toEqual([
      "'=1+1",
      "'-1+cmd()",
      '-0.5',
      "'-x",
      '"a,""b"""',
      'NaN',
      '-Infinity',
      ''
    ]);
    const one = run({ id: 'r1', name: '실험, 하나', started_at: 0, metrics: { auc: 0.123456789012 } });
    expect(runsCsv([one], ['name', 'metrics.auc', 'started'])).toBe(
      '\uFEFFname,metrics.auc,started,id\r\n"실험, 하나",0.123456789012,,r1\r\n'
    );
    expect(
      groupsCsv(
        [{ value: null, n_runs: 2, metrics: { auc: { n: 2, n_nan: 0, n_infinite: 0, mean: 0.5, sd: 0.1 } } }],
        'params.C',
        ['auc']
      )
    ).toBe('\uFEFFparams.C,runs,auc n,auc n_nan,auc n_infinite,auc mean,auc sd\r\n,2,2,0,0,0.5,0.1\r\n');
    expect(fileName('a/b c')).toBe('a-b-c.csv');
  });
});

/** A server with runs that it orders, folds and groups as the real one does, as far as the table asks. */
function server(n = 3): HandServer {
  const made = new HandServer();
  const runs = Array.from({ length: n }, (_, at) =>
    run({
      id: `r${at}`,
      name: `run ${at}`,
      metrics: { auc: at / 10 },
      params: { model: at % 2 ? 'svm' : 'tree' }
    })
  );
  made.runs = runs;
  made.answers.set('columns', () => ({
    items: [
      { field: 'metrics.auc', n_runs: n },
      { field: 'params.model', n_runs: n },
      { field: 'metrics.loss', n_runs: 1 }
    ]
  }));
  made.answers.set('runs', (_, query) => {
    const skip = Number(query.get('skip') ?? 0);
    const limit = Number(query.get('limit') ?? 100);
    const where = query.get('where') ?? '';
    const order = query.get('order') ?? '';
    let found = where.includes('parent =')
      ? [run({ id: 'child', name: 'fold 1', parent: 'r0' })]
      : [...made.runs];
    const model = /params\.model = '(\w+)'/.exec(where)?.[1];
    found = found.filter(
      one => (model ? one.params.model === model : true) && one.deleted === (query.get('deleted') === 'true')
    );
    if (order.startsWith('metrics.auc')) {
      found.sort((a, b) => Number(b.metrics.auc) - Number(a.metrics.auc));
    }
    return {
      items: found.slice(skip, skip + limit),
      next: found.length > skip + limit ? String(skip + limit) : '',
      n_matching: query.get('count') ? found.length : null,
      note: '',
      n_children: query.get('roots') ? { r0: 1 } : {}
    };
  });
  made.answers.set('groups', () => ({
    items: [
      {
        value: 'tree',
        n_runs: 2,
        metrics: { auc: { n: 2, n_nan: 0, n_infinite: 0, mean: 0.1, sd: 0.14142 } }
      },
      {
        value: 'svm',
        n_runs: 3,
        metrics: { auc: { n: 3, n_nan: 1, n_infinite: 1, mean: 'Infinity', sd: 'NaN' } }
      },
      {
        value: 'mlp',
        n_runs: 2,
        metrics: { auc: { n: 2, n_nan: 0, n_infinite: 2, mean: 'NaN', sd: 'NaN' } }
      },
      { value: null, n_runs: 1, metrics: {} }
    ],
    n_groups: 4,
    n_runs: 8,
    note: ''
  }));
  return made;
}

function names(): readonly (string | null)[] {
  return screen
    .getAllByRole('row')
    .slice(1)
    .map(row => within(row).getAllByRole('gridcell')[1]?.textContent ?? null);
}

async function table(made = server()): Promise<Shown> {
  const shown = show(<View subject="churn" setTitle={() => undefined} />, made);
  for (const id of [CommandIDs.open, CommandIDs.compare, CommandIDs.tagRuns, CommandIDs.deleteRuns]) {
    shown.session.lab.commands.addCommand(id, { execute: () => undefined });
  }
  await screen.findByText('run 0');
  return shown;
}

describe('the table', () => {
  afterEach(() => vi.useRealTimers());

  it('shows what runs have, and asks only for that', async () => {
    const { server: made } = await table();
    expect(screen.getByText('3 runs')).toBeVisible();
    expect(screen.getByRole('columnheader', { name: 'auc' })).toBeVisible();
    const asked = made.asked.find(one => one.includes('children=true'));
    expect(new URLSearchParams(asked?.split('?')[1]).get('columns')).toBe(
      'metrics.auc, metrics.loss, params.model'
    );
  });

  it('is sorted by the server', async () => {
    await table();
    await userEvent.click(screen.getByRole('columnheader', { name: 'auc' }));
    await waitFor(() => expect(names()).toEqual(['run 2', 'run 1', 'run 01']));
    expect(screen.getByRole('columnheader', { name: 'auc' })).toHaveAttribute('aria-sort', 'descending');
  });

  it('unfolds the children of a run', async () => {
    await table();
    await userEvent.click(screen.getByRole('button', { name: 'Unfold' }));
    expect(await screen.findByText('fold 1')).toBeVisible();
    expect(screen.getByText('fold 1').closest('[role="row"]')).toHaveAttribute('aria-level', '2');
    await userEvent.click(screen.getByRole('button', { name: 'Fold' }));
    expect(screen.queryByText('fold 1')).toBeNull();
  });

  it('is filtered by what the server can read, and keeps its rows while it cannot', async () => {
    const made = server();
    await table(made);
    const problem = { code: 'bad-where', detail: '--where cannot be read at column 14: ...', hint: '' };
    const good = made.answers.get('runs');
    made.refuse.set('runs', () => json(400, problem));
    const box = screen.getByRole('combobox', { name: 'Filter runs' });
    await userEvent.type(box, 'params.model');
    await screen.findByText(/^The filter cannot be read at column 14/);
    expect(screen.getByText('run 1')).toBeVisible();
    made.refuse.clear();
    made.answers.set('runs', good ?? (() => null));
    fireEvent.change(box, { target: { value: "params.model = 'svm'" } });
    await waitFor(() => expect(names()).toEqual(['run 1']));
    expect(screen.getByText('1 run')).toBeVisible();
  });

  it('shows what is unfolded once, also where children stand beside their parents', async () => {
    const made = server();
    await table(made);
    await userEvent.click(screen.getByRole('button', { name: 'Unfold' }));
    await waitFor(() => expect(names()).toContain('fold 1'));
    made.runs = [...made.runs, run({ id: 'child', name: 'fold 1', parent: 'r0' })];
    await userEvent.click(screen.getByRole('button', { name: 'Fold Children' }));
    await waitFor(() => expect(names()).toEqual(['run 0', 'run 1', 'run 2', 'fold 1']));
    made.runs = made.runs.slice(0, 3);
    await userEvent.click(screen.getByRole('button', { name: 'Fold Children' }));
    await waitFor(() => expect(names()[1]).toBe('fold 1'));
  });

  it('groups runs with mean and sample deviation', async () => {
    await table();
    await userEvent.selectOptions(screen.getByLabelText('Group by'), 'params.model');
    expect(await screen.findByText('8 runs in 4 groups')).toBeVisible();
    expect(screen.getByText('no model')).toBeVisible();
    expect(screen.getByText('± 0.1414').parentElement?.title).toContain(
      'sample standard deviation (n − 1) 0.1414'
    );
    const group = screen.getByText('tree').closest<HTMLElement>('[role="row"]');
    await userEvent.click(within(group ?? document.body).getByRole('button', { name: 'Unfold' }));
    await waitFor(() => expect(names()).toContain('run 2'));
    expect(names()).not.toContain('run 1');
    const endless = screen.getByText('Infinity');
    expect(endless).toHaveTextContent(/^Infinity$/); // without a deviation that is none
    expect(endless.title).toBe(
      'auc: mean Infinity, over 3 runs, 1 is NaN and left out, 1 is infinite, and so is the mean, from which there is no deviation'
    );
    expect(screen.getByText('NaN').title).toContain(
      '2 are infinite in both directions, so that there is no mean'
    );
  });

  it('compares, tags and deletes what is selected', async () => {
    const { ran } = await table();
    await userEvent.click(screen.getByRole('checkbox', { name: 'Select run 0' }));
    const compare = screen.getByRole('button', { name: 'Compare' });
    expect(compare).toHaveAttribute('aria-disabled', 'true');
    await userEvent.click(screen.getByRole('checkbox', { name: 'Select run 2' }));
    expect(screen.getByText('2 selected')).toBeVisible();
    for (const name of ['Compare', 'Tag…', 'Delete…']) {
      await userEvent.click(screen.getByRole('button', { name }));
    }
    const runs = ['r0', 'r2'];
    expect(ran).toEqual([
      [CommandIDs.compare, { runs }],
      [CommandIDs.tagRuns, { runs }],
      [CommandIDs.deleteRuns, { runs }]
    ]);
  });

  it('opens a run at Enter', async () => {
    const { ran } = await table();
    screen.getByRole('treegrid').focus();
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{Enter}');
    expect(ran).toEqual([[CommandIDs.open, { kind: 'run', subject: 'r1' }]]);
  });

  it('restores from the trash', async () => {
    const made = server();
    made.answers.set('PATCH runs', () => ({ items: [] }));
    await table(made);
    made.runs = made.runs.map(one => ({ ...one, deleted: one.id === 'r1' }));
    await userEvent.click(screen.getByRole('button', { name: 'Trash' }));
    await waitFor(() => expect(names()).toEqual(['run 1']));
    await userEvent.click(screen.getByRole('checkbox', { name: 'Select run 1' }));
    await userEvent.click(screen.getByRole('button', { name: 'Restore' }));
    await waitFor(() => expect(made.sent).toEqual([['PATCH runs', { runs: ['r1'], deleted: false }]]));
  });

  it('shows the columns that a person chooses', async () => {
    await table();
    await userEvent.click(screen.getByRole('button', { name: 'Columns' }));
    const picker = screen.getByRole('dialog', { name: 'Columns' });
    await userEvent.click(within(picker).getByRole('checkbox', { name: /^model/ }));
    await userEvent.click(within(picker).getByRole('checkbox', { name: /^Id/ }));
    await userEvent.keyboard('{Escape}');
    expect(screen.queryByRole('dialog')).toBeNull();
    expect(screen.queryByRole('columnheader', { name: /model/ })).toBeNull();
    expect(screen.getByRole('columnheader', { name: 'Id' })).toBeVisible();
  });

  it('refuses what this person may not', async () => {
    const made = server();
    made.permissions = ['read'];
    await table(made);
    await userEvent.click(screen.getByRole('checkbox', { name: 'Select run 0' }));
    expect(screen.getByRole('button', { name: 'Delete…' })).toHaveAttribute('aria-disabled', 'true');
  });

  it('says what to type where no run is', async () => {
    const made = server(0);
    show(<View subject="churn" setTitle={() => undefined} />, made);
    expect(await screen.findByText('%%ml run -e churn')).toBeVisible();
  });
});
