import { describe, expect, it } from 'vitest';

import type { UsedData } from '../api/types';
import { run } from '../testing/records';
import { firstSources, known, linearSteps, makeAxis, momentText, valueOf } from './axes';
import type { Value } from './axes';
import { brushed, moved, passing } from './brush';
import { placed, runColor } from './colors';
import { dataLines } from './data';
import { csv } from '../common/csv';
import { markdown } from './export';
import {
  bestOf,
  change,
  idsOf,
  inOrder,
  labelsOf,
  metricLines,
  paramLines,
  readNumber,
  shorten
} from './model';
import { readCurvesLook, readParallelLook, readScatterLook } from './look';
import { grouped } from './queries';
import type { Group } from './queries';
import { runTable, shownTable } from './table';

const SOURCE = { kind: 'param', name: 'lr' } as const;

describe('runs side by side', () => {
  const runs = [
    run({ id: 'a', params: { C: '1', seed: '7' }, metrics: { auc: 0.8, loss: 0.5, 'system/cpu': 3 } }),
    run({ id: 'b', params: { C: '10', seed: '7', x: 'y' }, metrics: { auc: 0.9, loss: 'Infinity' } })
  ];

  it('show parameters that differ first', () => {
    expect(paramLines(runs).map(line => [line.name, line.differs])).toEqual([
      ['C', true],
      ['x', true],
      ['seed', false]
    ]);
  });

  it('mark the best by the direction of the metric, and leave the machine’s metrics out unless all are asked for', () => {
    const lines = metricLines(runs, name => (name === 'loss' ? 'lower' : 'higher'), false);
    expect(lines.map(line => [line.name, [...line.best]])).toEqual([
      ['auc', [1]],
      ['loss', [0]]
    ]);
    expect(metricLines(runs, () => 'higher').map(line => line.name)).toEqual(['auc', 'loss', 'system/cpu']);
  });

  it.each([
    [[0.1, 'NaN', 0.3, 0.3], 'higher', [2, 3]],
    [[0.1, 0.1], 'higher', []],
    [[0.1, undefined], 'lower', []],
    [['-Infinity', 0.1, 'NaN'], 'lower', [0]],
    [['NaN', 'NaN'], 'lower', []]
  ] as const)('of %j know the best (%s)', (values, direction, best) => {
    expect([...bestOf(values, direction)]).toEqual(best);
  });

  it('tell by how much a value is better than the base’s', () => {
    expect(change(0.9, 0.8, 'higher')?.better).toBe(true);
    expect(change(0.9, 0.8, 'lower')?.better).toBe(false);
    expect([change('NaN', 1, 'lower'), change(1, undefined, 'lower'), change(1, 1, 'lower')]).toEqual([
      null,
      null,
      null
    ]);
  });

  it('are ordered by number where they are numbers, what has none last, the base first', () => {
    const some = [
      run({ id: 'base', params: {} }),
      run({ id: 'nine', params: { C: '9' } }),
      run({ id: 'none', params: {} }),
      run({ id: 'ten', params: { C: '1e1' } })
    ];
    const order = { kind: 'param', name: 'C', descending: true } as const;
    expect(inOrder(some, order, 'base').map(one => one.id)).toEqual(['base', 'ten', 'nine', 'none']);
    expect(inOrder(some, null, 'ten').map(one => one.id)).toEqual(['ten', 'base', 'nine', 'none']);
  });

  it('of one name are told apart by their ids', () => {
    const same = [
      run({ id: 'aaaaaaaa1', name: 'x' }),
      run({ id: 'bbbbbbbb2', name: 'x' }),
      run({ id: 'c', name: 'y' })
    ];
    expect([...labelsOf(same).values()]).toEqual(['x aaaaaa', 'x bbbbbb', 'y']);
  });

  it('are named once in a subject', () => {
    expect(idsOf('a, b,,a')).toEqual(['a', 'b']);
  });
});

describe('a text', () => {
  it.each([
    ['short', 10, 'short'],
    ['n'.repeat(10_000), 5, 'nnnn…'],
    ['👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦', 2, '👩‍👩‍👧‍👦…'],
    ['a\nb', 10, 'a b']
  ])('is shortened by letters', (text, most, short) => {
    expect(shorten(text, most)).toBe(short);
  });

  it.each([
    ['1e-05', 1e-5],
    [' -3. ', -3],
    ['inf', Infinity],
    ['-Infinity', -Infinity],
    ['0x10', null],
    ['', null],
    ['1,5', null],
    ['NaN', null]
  ])('%j reads as %s', (text, number) => {
    expect(readNumber(text)).toBe(number);
  });
});

describe('an axis', () => {
  const axis = (values: readonly Value[], scale?: 'linear' | 'log' | 'categories') =>
    makeAxis(SOURCE, values, scale);

  it('of what spans thousands is logarithmic', () => {
    const made = axis(['0.1', '0.001', '1e-5']);
    expect(made.scale).toBe('log');
    expect(made.place('0.001')).toBeCloseTo(0.5);
    expect(made.ticks.map(tick => tick.label)).toEqual(['1e-5', '0.0001', '0.001', '0.01', '0.1']);
  });

  it('of whole numbers has whole ticks', () => {
    expect(axis(['3', '5']).ticks.map(tick => tick.label)).toEqual(['3', '4', '5']);
  });

  it('of words is of categories, also where only some are', () => {
    const made = axis(['svm', '3', undefined]);
    expect([made.scale, made.scales]).toEqual(['categories', ['categories']]);
    expect(made.ticks.map(tick => tick.label)).toEqual(['–', '3', 'svm']);
    expect(new Set(['svm', '3', undefined].map(made.place)).size).toBe(3);
  });

  it('gives what is no number places of its own beside the numbers', () => {
    const values = [1, 2, 'NaN', 'Infinity', '-Infinity', undefined] as const;
    const made = axis(values);
    const places = values.map(made.place);
    expect(new Set(places).size).toBe(6);
    expect(made.place('Infinity')).toBe(1);
    const [one = 0, two = 0] = places;
    expect(Math.min(one, two)).toBeGreaterThan(
      Math.max(made.place('NaN'), made.place('-Infinity'), made.place(undefined))
    );
    expect(made.ticks.map(tick => tick.label)).toEqual(['–', 'NaN', '−∞', '1', '2', '∞']);
  });

  it('of logarithms has a place for what is not positive', () => {
    const made = axis([0, 1, 1000], 'log');
    expect(made.ticks[0]?.label).toBe('≤ 0');
    expect(made.place(0)).toBeLessThan(made.place(1));
  });

  it.each([
    [[5, 5, 5]],
    [[-1e308, 1e308]],
    [[Number.MIN_VALUE, 1e300]],
    [[1e15, 1e15 + 1]],
    [['NaN', 'NaN']],
    [[]]
  ])('of %j stays within its ends', values => {
    const made = axis(values);
    [...values.map(value => made.place(value)), ...made.ticks.map(tick => tick.at)].forEach(place => {
      expect(place).toBeGreaterThanOrEqual(0);
      expect(place).toBeLessThanOrEqual(1);
    });
  });

  it('ends at round numbers', () => {
    expect(linearSteps(0.31, 0.52)).toEqual([0.3, 0.35, 0.4, 0.45, 0.5, 0.55]);
    expect(linearSteps(2, 2)).toEqual([2]);
  });

  it('is first of what differs', () => {
    const runs = [
      run({ params: { C: '1', seed: '1' }, metrics: { auc: 1 } }),
      run({ params: { C: '2', seed: '1' }, metrics: { auc: 2, 'system/cpu': 3 } })
    ];
    expect(firstSources(runs).map(source => source.name)).toEqual(['C', 'auc']);
    expect(valueOf(run({ duration_s: null }), { kind: 'fact', name: 'took' })).toBeUndefined();
  });
});

describe('a brush', () => {
  const runs = ['1', '2', '3', undefined].map((C, index) =>
    run({ id: `r${index}`, params: C === undefined ? {} : { lr: C } })
  );
  const axis = makeAxis(
    SOURCE,
    runs.map(one => valueOf(one, SOURCE))
  );

  it('keeps the runs within it', () => {
    const brushes = brushed(new Map(), 'param:lr', [axis.place('2'), 1]);
    expect(passing(runs, [axis], brushes).map(one => one.id)).toEqual(['r1', 'r2']);
    expect(passing(runs, [], brushes)).toHaveLength(4);
    expect(brushed(brushes, 'param:lr', [0, 1]).size).toBe(0);
  });

  it('is moved by keys at both ends, never past the other one', () => {
    expect(moved([0, 1], 1, 'ArrowDown')).toEqual([0, 0.95]);
    expect(moved([0.5, 0.5], 0, 'PageUp')).toEqual([0.5, 0.5]);
    expect(moved([0.2, 0.5], 0, 'Home')).toEqual([0, 0.5]);
    expect(moved([0.2, 0.5], 0, 'Delete')).toBeNull();
    expect(moved([0.2, 0.5], 0, 'a')).toBeUndefined();
  });
});

describe('colours', () => {
  it('stay with their runs while others come and go', () => {
    const first = placed(new Map(), ['a', 'b', 'c']);
    expect(placed(first, ['a', 'c'])).toBe(first);
    const next = placed(first, ['a', 'c', 'd']);
    expect(['a', 'c', 'd'].map(id => next.get(id))).toEqual([0, 2, 1]);
  });

  it('are different for hundreds of runs', () => {
    expect(new Set(Array.from({ length: 300 }, (_, place) => runColor(place))).size).toBe(300);
  });
});

describe('an export', () => {
  it('as CSV quotes what must be, and lets no value act as a formula', () => {
    expect(csv([['a,b', 'say "x"', '=1+1', '-0.5', '-Infinity', '-cmd', 1e-5, undefined]])).toBe(
      '\ufeff"a,b","say ""x""",\'=1+1,-0.5,-Infinity,\'-cmd,0.00001,\r\n'
    );
  });

  it('as Markdown keeps to its cells', () => {
    expect(
      markdown([
        ['', 'r|1'],
        ['a\nb', '<b>*x*</b>']
      ])
    ).toBe('|  | r\\|1 |\n| --- | --- |\n| a b | \\<b\\>\\*x\\*\\</b\\> |\n');
  });

  it('has one row for each run with whole values, or one column as shown with the best marked', () => {
    const runs = [run({ id: 'a', metrics: { auc: 0.123456789 } }), run({ id: 'b', metrics: { auc: 0.5 } })];
    const metrics = metricLines(runs, () => 'higher');
    expect(runTable(runs, [], metrics).map(row => row[row.length - 1])).toEqual([
      'metrics.auc',
      0.123456789,
      0.5
    ]);
    expect(shownTable(['a', 'b'], [], metrics, '(best)')).toEqual([
      ['', 'a', 'b'],
      ['auc', '0.1235', '0.5 (best)']
    ]);
  });
});

it('groups runs of the same answer, the base’s first', () => {
  const same = { id: 'x' };
  const values = new Map([
    ['a', { id: 'y' }],
    ['b', same],
    ['c', { id: 'y' }]
  ]);
  expect(grouped(['a', 'b', 'c', 'gone'], values, 'b').map(group => group.runs)).toEqual([['b'], ['a', 'c']]);
});

describe('data', () => {
  const used = (
    id: string,
    ...datasets: readonly (readonly [string, string, string])[]
  ): Group<UsedData> => ({
    id,
    runs: [id],
    value: {
      id,
      runs: [id],
      datasets: datasets.map(([context, name, digest]) => ({
        context,
        name,
        digest,
        source: '',
        source_type: '',
        profile: '{"num_rows": 3, "num_elements": 6}'
      }))
    }
  });

  it('differ by their digests, for each use of them; runs that named none are not held against the others', () => {
    const lines = dataLines([
      used('a', ['training', 'rows', '1'], ['test', 'rows', '9']),
      used('b', ['training', 'rows', '2'], ['test', 'rows', '9']),
      used('none')
    ]);
    expect(lines.map(line => [line.name, line.aside, line.values, line.differs])).toEqual([
      ['rows', 'test', ['9 · 3 × 2', '9 · 3 × 2', undefined], false],
      ['rows', 'training', ['1 · 3 × 2', '2 · 3 × 2', undefined], true]
    ]);
  });
});

describe('how charts are drawn', () => {
  it('is read as it was kept, and nothing of it is believed', () => {
    const curves = { name: 'auc', axis: 'time', log: true, smoothing: 0.5 };
    expect(readCurvesLook(curves)).toEqual(curves);
    expect(readCurvesLook({ name: 1, axis: 'up', log: 'yes', smoothing: 7 })).toEqual(readCurvesLook(null));
    const lr = { kind: 'param', name: 'lr' } as const;
    const parallel = { axes: [lr], scales: { 'param:lr': 'log' }, colorBy: lr } as const;
    expect(readParallelLook(parallel)).toEqual(parallel);
    expect(
      readParallelLook({ axes: [lr, 3, { kind: 'x', name: 'y' }], scales: { a: 'b' }, colorBy: [] })
    ).toEqual({ axes: [lr], scales: {}, colorBy: null });
    expect(readScatterLook({ x: { source: lr, scale: 'log' }, y: { scale: 'log' } })).toEqual({
      x: { source: lr, scale: 'log' },
      y: null,
      colorBy: null
    });
    expect(known(lr, [])).toBeNull();
  });
});

it('moments beside an axis are told in so few letters that none is cut', () => {
  const [second, hour, day] = [1, 3600, 86_400];
  for (const [step, span] of [
    [10 * second, 60],
    [hour, 5 * hour],
    [5 * hour, 2 * day],
    [5 * day, 30 * day],
    [90 * day, 500 * day],
    [0, 0]
  ] as const) {
    expect(momentText(1.7e9, step, span).length).toBeLessThanOrEqual(12);
    expect(momentText(1.7e9, step, span)).not.toBe(momentText(1.7e9 + (step || day), step, span));
  }
});
