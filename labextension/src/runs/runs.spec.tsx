import { render, screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';

import type { Run } from '../api/types';
import { experiment, run } from '../testing/records';
import { experimentNodes, keyMetrics, runsOf } from './model';
import type { ExperimentNode, KnownRuns, RunNode } from './model';
import { RunRow } from './panel';

const NONE = new Map<string, never>();
const known = (...runs: readonly Run[]): KnownRuns => ({ recent: { runs, all: true }, of: NONE });

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
    const nodes = experimentNodes([experiment()], known(run()), '');
    expect((nodes[0]?.children?.[0] as RunNode).metrics).toEqual([]);
  });
});

describe('experiments', () => {
  const recent = [
    run({ id: 'r2', name: 'calm-fox-2', status: 'RUNNING', metrics: { acc: 0.6 } }),
    run({ id: 'r1', name: 'brave-owl-1', params: { C: '0.5' } })
  ];

  it('say what to type when there is none', () => {
    expect(experimentNodes([experiment({ id: '0', name: 'Default', n_runs: 0 })], known(), '')).toMatchObject(
      [{ kind: 'hint', code: '%%ml run' }]
    );
  });

  it('unfold the newest and whatever is running', () => {
    const nodes = experimentNodes(
      [
        experiment({ id: '1', name: 'forest', n_runs: 2, created_at: 1 }),
        experiment({ id: '2', name: 'old', created_at: 2 }),
        experiment({ id: '3', name: 'new', created_at: 3 })
      ],
      known(...recent),
      ''
    );
    expect(nodes.map(node => [(node as ExperimentNode).experiment.name, node.open])).toEqual([
      ['new', true],
      ['old', false],
      ['forest', true]
    ]);
  });

  it('offer the older runs that were not fetched', () => {
    const some = { recent: { runs: recent, all: false }, of: NONE };
    const [node] = experimentNodes([experiment({ n_runs: 0 })], some, '');
    expect(node?.children?.at(-1)).toMatchObject({ kind: 'more', experiment: 'forest' });
    expect(node).toMatchObject({ nRuns: '2+', label: 'Experiment forest, 2 runs or more, 1 running' });
  });

  it.each([
    ['calm', ['calm-fox-2']],
    ['C=0.5', ['brave-owl-1']],
    ['running acc', ['calm-fox-2']],
    ['forest', ['calm-fox-2', 'brave-owl-1']]
  ])('are filtered by %s', (filter, names) => {
    const [node] = experimentNodes([experiment({ n_runs: 2 })], known(...recent), filter);
    expect(node?.children?.map(child => (child as RunNode).run.name)).toEqual(names);
  });

  it('say so when nothing matches', () => {
    expect(experimentNodes([experiment()], known(...recent), 'zebra')).toMatchObject([{ kind: 'hint' }]);
  });
});

describe('runs that are known from two answers', () => {
  it('are shown once, the newest first', () => {
    const older = [run({ id: 'r2' }), run({ id: 'r1' }), run({ id: 'r0' })];
    const two = {
      recent: { runs: [run({ id: 'r3' }), run({ id: 'r2' })], all: false },
      of: new Map([['forest', { runs: older, all: true }]])
    };
    const { runs, all } = runsOf(two, 'forest');
    expect([runs.map(one => one.id), all]).toEqual([['r3', 'r2', 'r1', 'r0'], true]);
  });
});

describe('a run', () => {
  it('shows its name, age and metrics, NaN included', () => {
    const started_at = Date.now() / 1000 - 130;
    const nodes = experimentNodes(
      [experiment()],
      known(run({ started_at, metrics: { acc: 0.97123, loss: 'NaN' } })),
      ''
    );
    const node = nodes[0]?.children?.[0] as RunNode;
    const { container } = render(<RunRow node={node} />);
    expect(screen.getByText('brave-owl-1')).toBeVisible();
    expect(screen.getByText('2 min')).toBeVisible();
    expect(container).toHaveTextContent('acc0.9712lossNaN');
    expect(node.label).toBe('Run brave-owl-1, finished, acc 0.9712, loss NaN');
  });

  it('that failed says why, first', () => {
    const failed = run({ status: 'FAILED', reason: 'ValueError: no rows' });
    const [node] = experimentNodes([experiment()], known(failed), '');
    expect(node?.children?.[0]?.children?.[0]).toMatchObject({
      name: 'reason',
      value: 'ValueError: no rows',
      tone: 'error'
    });
  });
});
