import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import { experiment, run } from '../testing/records';
import { experimentNodes, keyMetrics, runsOf } from './model';
import type { ExperimentNode, RunNode } from './model';
import { RunRow } from './panel';

const NONE = new Map<string, never>();

describe('the metrics beside a run', () => {
  it('are those that most runs have, so that rows compare like with like', () => {
    const runs = [
      run({ metrics: { loss: 1, acc: 1, rare: 1 } }),
      run({ metrics: { acc: 1, loss: 1, f1: 1, 'system/cpu': 1 } }),
      run({ metrics: { f1: 1, acc: 1, loss: 2 } })
    ];
    expect(keyMetrics(runs)).toEqual(['acc', 'loss', 'f1']);
  });

  it('are left out where a run has none', () => {
    const nodes = experimentNodes([experiment()], { recent: [run()], of: NONE }, '');
    expect((nodes[0]?.children?.[0] as RunNode).metrics).toEqual([]);
  });
});

describe('experiments', () => {
  const recent = [
    run({ id: 'r2', name: 'calm-fox-2', status: 'RUNNING', metrics: { acc: 0.6 } }),
    run({ id: 'r1', name: 'brave-owl-1', params: { C: '0.5' } })
  ];

  it('say what to type when there is none', () => {
    expect(
      experimentNodes([experiment({ id: '0', name: 'Default', n_runs: 0 })], { recent: [], of: NONE }, '')
    ).toMatchObject([{ kind: 'hint', code: '%%ml run' }]);
  });

  it('unfold the newest and whatever is running', () => {
    const nodes = experimentNodes(
      [
        experiment({ id: '1', name: 'forest', n_runs: 2, created_at: 1 }),
        experiment({ id: '2', name: 'old', created_at: 2 }),
        experiment({ id: '3', name: 'new', created_at: 3 })
      ],
      { recent, of: NONE },
      ''
    );
    expect(nodes.map(node => [(node as ExperimentNode).experiment.name, node.open])).toEqual([
      ['new', true],
      ['old', false],
      ['forest', true]
    ]);
  });

  it('say how many runs were not fetched', () => {
    const [node] = experimentNodes([experiment({ n_runs: 240 })], { recent, of: NONE }, '');
    expect(node?.children?.at(-1)).toMatchObject({ kind: 'more', nHidden: 238, label: '238 older runs' });
  });

  it.each([
    ['calm', ['calm-fox-2']],
    ['C=0.5', ['brave-owl-1']],
    ['running acc', ['calm-fox-2']],
    ['forest', ['calm-fox-2', 'brave-owl-1']]
  ])('are filtered by %s', (filter, names) => {
    const [node] = experimentNodes([experiment({ n_runs: 2 })], { recent, of: NONE }, filter);
    expect(node?.children?.map(child => (child as RunNode).run.name)).toEqual(names);
  });

  it('say so when nothing matches', () => {
    expect(experimentNodes([experiment()], { recent, of: NONE }, 'zebra')).toMatchObject([{ kind: 'hint' }]);
  });
});

describe('runs that are known from two answers', () => {
  it('are shown once, the newest first', () => {
    const known = {
      recent: [run({ id: 'r3' }), run({ id: 'r2' })],
      of: new Map([['forest', [run({ id: 'r2' }), run({ id: 'r1' }), run({ id: 'r0' })]]])
    };
    expect(runsOf(known, 'forest').map(one => one.id)).toEqual(['r3', 'r2', 'r1', 'r0']);
  });
});

describe('a run', () => {
  it('shows its name, age and metrics, NaN included', () => {
    const nodes = experimentNodes(
      [experiment()],
      {
        recent: [run({ started_at: Date.now() / 1000 - 130, metrics: { acc: 0.97123, loss: 'NaN' } })],
        of: NONE
      },
      ''
    );
    const node = nodes[0]?.children?.[0] as RunNode;
    const { container } = render(<RunRow node={node} />);
    expect(screen.getByText('brave-owl-1')).toBeVisible();
    expect(screen.getByText('2 min')).toBeVisible();
    expect(container).toHaveTextContent('acc 0.9712loss NaN');
    expect(node.label).toBe('Run brave-owl-1, finished, acc 0.9712, loss NaN');
  });

  it('that failed says why, first', () => {
    const failed = run({ status: 'FAILED', reason: 'ValueError: no rows' });
    const [node] = experimentNodes([experiment()], { recent: [failed], of: NONE }, '');
    expect(node?.children?.[0]?.children?.[0]).toMatchObject({
      name: 'reason',
      value: 'ValueError: no rows',
      tone: 'error'
    });
  });
});
