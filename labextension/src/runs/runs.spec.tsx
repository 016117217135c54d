import { nullTranslator } from '@jupyterlab/translation';
import { screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it } from 'vitest';

import type { Experiment, Run } from '../api/types';
import { experiment, run } from '../testing/records';
import { HandServer } from '../testing/server';
import { show } from '../testing/session';
import { PAGE, pagesOf, RunList } from './list';
import type { KnownPages, Page } from './list';
import { AUTOMATIC, experimentNodes, keyMetrics, readChosen, runNode, shownOf } from './model';
import type { ChildrenNode, Chosen, ExperimentNode, RunNode, RunsNode } from './model';
import { RunRow } from './panel';
import { MetricPicker } from './picker';
import { pathOf, Sparkline } from './sparkline';

const TRANS = nullTranslator.load('jupyter_mlops');
const SHOWN = { metrics: ['acc'], sparkline: null, trans: TRANS };

const FOREST = { experiment: 'forest', parent: null };
const pageOf = (runs: readonly Run[], nChildren: Page['nChildren'] = {}): Page => ({ runs, nChildren });

function known(...pages: readonly (readonly [number, readonly Run[]])[]): KnownPages {
  return new Map([['experiment:forest', new Map(pages.map(([number, runs]) => [number, pageOf(runs)]))]]);
}

function nodes(
  experiments: readonly Experiment[],
  runs: readonly Run[] = [],
  chosen: Chosen = AUTOMATIC,
  isFiltered = false
): readonly RunsNode[] {
  const pages = known([0, runs]);
  return experimentNodes({ experiments, pages }, chosen, isFiltered, TRANS);
}

const listOf = (node: RunsNode | undefined): RunList => (node as ExperimentNode).children as RunList;

describe('the metrics beside a run', () => {
  it('are those that most runs have, so that rows compare like with like', () => {
    const runs = [
      run({ metrics: { loss: 1, acc: 1, rare: 1 } }),
      run({ metrics: { acc: 1, loss: 1, f1: 1, 'system/cpu': 1 } }),
      run({ metrics: { f1: 1, acc: 1, loss: 2 } })
    ];
    expect(keyMetrics(runs)).toEqual(['acc', 'loss', 'f1']);
  });

  it('are those that a person chose, with the curve of the first one unless another or none is', () => {
    const pages = new Map([[0, pageOf([run({ metrics: { acc: 1, loss: 2 } })])]]);
    expect(shownOf(AUTOMATIC, pages, TRANS)).toMatchObject({ metrics: ['acc', 'loss'], sparkline: 'acc' });
    const chosen = { metrics: ['loss'], sparkline: '' };
    expect(shownOf(chosen, pages, TRANS)).toMatchObject({ metrics: ['loss'], sparkline: null });
  });

  it('are forgotten when something else was stored', () => {
    expect([readChosen(null), readChosen({ metrics: 3, sparkline: 4 })]).toEqual([AUTOMATIC, AUTOMATIC]);
    expect(readChosen({ metrics: ['a', 1, 'b', 'c', 'd'] }).metrics).toEqual(['a', 'b', 'c']);
  });

  it('are left out where a run has none', () => {
    expect((listOf(nodes([experiment()], [run()])[0]).at(0) as RunNode).metrics).toEqual([]);
  });
});

describe('experiments', () => {
  it('say what to type when there is none, and when none matches', () => {
    const empty = [experiment({ id: '0', name: 'Default', n_runs: 0 })];
    expect(nodes(empty)).toMatchObject([{ kind: 'hint', code: '%%ml run' }]);
    expect(nodes([], [], AUTOMATIC, true)).toMatchObject([
      { label: 'No experiment or run matches the filter.' }
    ]);
    const [bare] = nodes([experiment({ n_runs: 0 })], []);
    expect(bare?.children).toMatchObject([{ kind: 'hint', code: '%%ml run -e forest' }]);
  });

  it('unfold the newest and whatever is running', () => {
    const found = nodes([
      experiment({ id: '1', name: 'forest', n_runs: 2, n_running: 1, created_at: 1 }),
      experiment({ id: '2', name: 'old', created_at: 2 }),
      experiment({ id: '3', name: 'new', created_at: 3 })
    ]);
    expect(found.map(node => [node.label, node.open])).toEqual([
      ['Experiment new, 1 run', true],
      ['Experiment old, 1 run', false],
      ['Experiment forest, 2 runs, 1 running', true]
    ]);
  });
});

describe('a long list of runs', () => {
  const page = (number: number): readonly Run[] =>
    Array.from({ length: PAGE }, (_, index) => run({ id: `r${number * PAGE + index}`, metrics: { acc: 1 } }));

  it('knows its length before any of them was fetched', () => {
    const list = new RunList(FOREST, 100_000, known(), SHOWN);
    expect([list.length, list.at(99_999)]).toEqual([
      100_000,
      { kind: 'slot', id: 'experiment:forest/slot:99999', label: 'Loading' }
    ]);
    expect(list.indexOf('experiment:forest/slot:512')).toBe(512);
    expect(pagesOf(list, 49, 101)).toEqual([0, 1, 2]);
  });

  it('shows what was fetched in its place', () => {
    const list = new RunList(FOREST, 100_000, known([40, page(40)]), SHOWN);
    expect([list.at(2003).id, list.indexOf('run:r2003'), list.at(1999).kind]).toEqual([
      'run:r2003',
      2003,
      'slot'
    ]);
  });

  it('shows a run once that a new one has pushed onto the next page', () => {
    const pages = known([1, [run({ id: 'r49' }), ...page(1).slice(0, -1)]], [0, page(0)]);
    const list = new RunList(FOREST, 101, pages, SHOWN);
    expect([list.indexOf('run:r49'), list.at(49).kind]).toEqual([50, 'slot']);
  });

  it('has one more place where a tracking server does not say how many there are', () => {
    const list = (...pages: [number, readonly Run[]][]): RunList =>
      new RunList(FOREST, null, known(...pages), SHOWN);
    expect([list().length, list([0, page(0)]).length, list([0, page(0)], [1, [run()]]).length]).toEqual([
      1,
      PAGE + 1,
      PAGE + 1
    ]);
  });

  it('has rows of one height', () => {
    const without = new RunList(FOREST, 1, known([0, [run()]]), SHOWN);
    const having = new RunList(FOREST, 1, known([0, page(0)]), SHOWN);
    expect(without.height).toBeLessThan(having.height);
  });
});

describe('a run', () => {
  it('shows its name, age and metrics, NaN included', () => {
    const started_at = Date.now() / 1000 - 130;
    const shown = { ...SHOWN, metrics: ['acc', 'loss'] };
    const node = runNode(run({ started_at, metrics: { acc: 0.97123, loss: 'NaN' } }), shown);
    const { container } = show(<RunRow node={node} />);
    expect(screen.getByText('brave-owl-1')).toBeVisible();
    expect(screen.getByText('2 min')).toBeVisible();
    expect(container).toHaveTextContent('acc0.9712lossNaN');
    expect(node.label).toBe('Run brave-owl-1, finished, acc 0.9712, loss NaN');
  });

  it('that failed says why, first', () => {
    const node = runNode(run({ status: 'FAILED', reason: 'ValueError: no rows' }), SHOWN);
    expect((node.children as readonly unknown[])[0]).toMatchObject({
      name: 'reason',
      value: 'ValueError: no rows',
      tone: 'error'
    });
  });

  it('with thousands of metrics lists some and says where the others are', () => {
    const metrics = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`m${index}`, index]));
    const node = runNode(run({ metrics }), { ...SHOWN, metrics: ['m4999'] });
    const facts = node.children as readonly { label: string }[];
    expect(facts).toHaveLength(20);
    expect(facts[0]?.label).toBe('m4999 4999');
    expect(facts[15]).toMatchObject({ kind: 'more', label: '4985 more metrics', run: 'r1' });
  });

  it('whose name nobody reads to its end is cut, and any script keeps its direction', () => {
    const node = runNode(run({ name: `تجربة ${'x'.repeat(10_000)}` }), SHOWN);
    expect(node.label.length).toBeLessThan(400);
    show(<RunRow node={node} />);
    expect(screen.getByText(/^تجربة/).tagName).toBe('BDI');
  });

  it('holds the runs below it, as far as they were fetched, and theirs', () => {
    const [parent, child] = [run({ id: 'p' }), run({ id: 'c', parent: 'p' })];
    const before: KnownPages = new Map([['experiment:forest', new Map([[0, pageOf([parent], { p: 2 })]])]]);
    const of = (pages: KnownPages): RunNode => new RunList(FOREST, 1, pages, SHOWN).at(0) as RunNode;
    const below = (node: RunNode): RunList =>
      ((node.children as readonly unknown[])[0] as ChildrenNode).children;
    expect(of(before).label).toBe('Run brave-owl-1, finished, 2 child runs');
    expect(of(before)).toBe(of(before));
    expect([below(of(before)).length, below(of(before)).at(0).kind]).toEqual([2, 'slot']);
    const after = new Map([...before, ['run:p', new Map([[0, pageOf([child], { c: 1 })]])]]);
    expect(below(of(after)).at(0)).toMatchObject({ id: 'run:c', nChildren: 1 });
    expect(below(of(after)).at(1).id).toBe('run:p/slot:1');
  });

  it('is the same node as long as it does not change', () => {
    const one = run();
    expect(runNode(one, SHOWN)).toBe(runNode(one, { ...SHOWN }));
    expect(runNode(one, SHOWN)).not.toBe(runNode(one, { ...SHOWN, metrics: ['loss'] }));
  });
});

describe('a sparkline', () => {
  it('goes through its points, with a gap where there is no number', () => {
    expect(pathOf([0, 1, 2], [0, 1, 0.5], 12, 13)).toBe('M1.0,11.5L6.0,1.5L11.0,6.5');
    expect(pathOf([0, 1, 2, 3], [0, 'NaN', 1, 1], 12, 13).split('M')).toHaveLength(3);
    expect(pathOf([0, 1], [-1e308, 1e308], 12, 13)).toBe('M1.0,11.5L11.0,1.5');
    expect([pathOf([0], [1], 12, 13), pathOf([0, 1], ['NaN', 'Infinity'], 12, 13)]).toEqual(['', '']);
  });

  it('is asked for with those of the other runs', async () => {
    const server = new HandServer();
    server.answers.set('sparklines', (_, query) => ({
      items: (query.get('runs') ?? '').split(',').map(id => ({ run: id, at: [0, 1], values: [0, 1] }))
    }));
    const { container } = show(
      <>
        <Sparkline run={run({ id: 'a' })} metric="acc" />
        <Sparkline run={run({ id: 'b', status: 'RUNNING', ended_at: null })} metric="acc" />
        <Sparkline run={run({ id: 'c' })} metric="loss" />
      </>,
      server
    );
    await waitFor(() => expect(container.querySelectorAll('path')).toHaveLength(3));
    expect(server.asked).toEqual(['sparklines?key=acc&runs=a%2Cb', 'sparklines?key=loss&runs=c']);
  });
});

describe('the choice of metrics', () => {
  it('takes three at most, and the curve of one of them', async () => {
    const server = new HandServer();
    const names = ['acc', 'loss', 'f1', 'auc'];
    server.answers.set('fields', () => ({ fields: {}, metrics: names, params: [], tags: [] }));
    const choices: Chosen[] = [];
    const picker = (chosen: Chosen): React.JSX.Element => (
      <MetricPicker
        chosen={chosen}
        automatic={['acc', 'loss']}
        onChoose={next => choices.push(next)}
        onClose={() => choices.push(AUTOMATIC)}
      />
    );
    const { unmount } = show(picker(AUTOMATIC), server);
    expect(screen.getByRole('searchbox', { name: 'Find a metric' })).toHaveFocus();
    await userEvent.click(await screen.findByRole('checkbox', { name: 'f1' }));
    expect(choices.at(-1)).toEqual({ metrics: ['acc', 'loss', 'f1'], sparkline: null });
    unmount();
    show(picker({ metrics: ['acc', 'loss', 'f1'], sparkline: 'loss' }), server);
    expect(await screen.findByRole('checkbox', { name: 'auc' })).toBeDisabled();
    await userEvent.click(screen.getByRole('checkbox', { name: 'loss' }));
    expect(choices.at(-1)).toEqual({ metrics: ['acc', 'f1'], sparkline: null });
    await userEvent.selectOptions(screen.getByRole('combobox', { name: 'Curve of' }), 'none');
    expect(choices.at(-1)).toEqual({ metrics: ['acc', 'loss', 'f1'], sparkline: '' });
    await userEvent.type(screen.getByRole('searchbox'), 'au');
    expect(screen.queryByRole('checkbox', { name: 'f1' })).toBeNull();
    await userEvent.keyboard('{Escape}');
    expect(choices.at(-1)).toBe(AUTOMATIC);
  });
});
