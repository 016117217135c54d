/** Experiments with their runs, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Experiment, MetricValue, Run } from '../api/types';
import { clip, metric, span } from '../common/format';
import { runWord } from '../common/status';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';
import { MAGIC, magicFor } from '../verbs/magic';
import { listKey, RunList } from './list';
import type { KnownPages, Pages } from './list';

export interface ExperimentNode extends TreeNode {
  readonly kind: 'experiment';
  readonly experiment: Experiment;
  readonly children: RunList | readonly HintNode[];
}

export interface RunNode extends TreeNode {
  readonly kind: 'run';
  readonly run: Run;
  /** The few metrics shown below the name. */
  readonly metrics: readonly (readonly [string, MetricValue])[];
  /** The metric whose shape is drawn. */
  readonly sparkline: string | null;
  /** How many runs are below it. */
  readonly nChildren: number;
}

/** Folds the runs below another one. */
export interface ChildrenNode extends TreeNode {
  readonly kind: 'children';
  readonly children: RunList;
}

/** A run that was not fetched yet. */
export interface SlotNode extends TreeNode {
  readonly kind: 'slot';
}

/** Stands for what a run has besides what is listed. */
export interface MoreNode extends TreeNode {
  readonly kind: 'more';
  readonly run: string;
}

export type RunsNode = ExperimentNode | RunNode | ChildrenNode | SlotNode | MoreNode | FactNode | HintNode;

/** What of the metrics is shown beside runs. */
export interface Shown {
  readonly metrics: readonly string[];
  readonly sparkline: string | null;
  readonly trans: TranslationBundle;
}

/** What a person chose to see; null is what most runs have. */
export interface Chosen {
  readonly metrics: readonly string[] | null;
  /** Null is the first of those that are shown, and empty none. */
  readonly sparkline: string | null;
}

export const AUTOMATIC: Chosen = { metrics: null, sparkline: null };
export const MOST_METRICS = 3;
/** How many metrics, and how many parameters, of one run are listed: some have thousands, and a place of their own. */
const MOST_FACTS = 15;

/**
 * Return the names of the metrics to show beside each run: those that most of the runs have, so that
 * rows compare like with like; names break ties. What MLflow measures of the machine is left out.
 */
export function keyMetrics(runs: readonly Run[], most = MOST_METRICS): readonly string[] {
  const seen = new Map<string, number>();
  for (const run of runs) {
    for (const name of Object.keys(run.metrics)) {
      if (!name.startsWith('system/')) {
        seen.set(name, (seen.get(name) ?? 0) + 1);
      }
    }
  }
  return [...seen]
    .sort(([a, nA], [b, nB]) => nB - nA || a.localeCompare(b))
    .slice(0, most)
    .map(([name]) => name);
}

/** What is shown beside the runs of an experiment, of which these pages are known. */
export function shownOf(chosen: Chosen, pages: Pages, trans: TranslationBundle): Shown {
  // The first page that is known decides, so that scrolling does not change what rows show.
  const first = pages.size ? (pages.get(Math.min(...pages.keys()))?.runs ?? []) : [];
  const metrics = chosen.metrics ?? keyMetrics(first);
  return {
    metrics,
    sparkline: chosen.sparkline === '' ? null : (chosen.sparkline ?? metrics[0] ?? null),
    trans
  };
}

/** Read what `IStateDB` kept; anything else is as good as nothing. */
export function readChosen(value: unknown): Chosen {
  const { metrics, sparkline } = (
    typeof value === 'object' && value !== null ? value : {}
  ) as Partial<Chosen>;
  const names = Array.isArray(metrics) ? metrics.filter(one => typeof one === 'string') : null;
  return {
    metrics: names?.slice(0, MOST_METRICS) ?? null,
    sparkline: typeof sparkline === 'string' ? sparkline : null
  };
}

export function experimentId(name: string): string {
  return `experiment:${name}`;
}

export interface KnownRuns {
  readonly experiments: readonly Experiment[];
  readonly pages: KnownPages;
}

/** Return the nodes of the section Experiments; those in `known` passed the filter, if there is one. */
export function experimentNodes(
  known: KnownRuns,
  chosen: Chosen,
  isFiltered: boolean,
  trans: TranslationBundle
): readonly RunsNode[] {
  // MLflow makes an experiment "Default" with every store: it is news only when something ran in it.
  const listed = known.experiments.filter(one => one.id !== '0' || one.n_runs !== 0);
  if (!listed.length) {
    return [
      isFiltered
        ? hint('experiments', trans.__('No experiment or run matches the filter.'))
        : hint(
            'experiments',
            trans.__('No runs yet. In a notebook, run %load_ext jupyter_mlops once, then begin a cell with'),
            MAGIC
          )
    ];
  }
  return [...listed]
    .sort((a, b) => b.created_at - a.created_at)
    .map((one, index) => experimentNode(one, known.pages, chosen, isFiltered || index === 0, trans));
}

function experimentNode(
  experiment: Experiment,
  pages: KnownPages,
  chosen: Chosen,
  open: boolean,
  trans: TranslationBundle
): ExperimentNode {
  const id = experimentId(experiment.name);
  const { n_runs: nRuns, n_running: nRunning } = experiment;
  const of = { experiment: experiment.name, parent: null };
  const shown = shownOf(chosen, pages.get(id) ?? new Map(), trans);
  const list = new RunList(of, experiment.n_roots ?? nRuns, pages, shown);
  const counted = nRuns === null ? '' : `, ${trans._n('%1 run', '%1 runs', nRuns)}`;
  const running = nRunning ? `, ${trans._n('%1 running', '%1 running', nRunning)}` : '';
  return {
    kind: 'experiment',
    id,
    label: `${trans.__('Experiment %1', clip(experiment.name))}${counted}${running}`,
    experiment,
    children: list.length
      ? list
      : [hint(id, trans.__('No runs yet. Begin a cell with'), magicFor(experiment.name))],
    open: open || (nRunning ?? 0) > 0,
    opens: true
  };
}

/** One node for each run as long as neither it nor what is shown of it changes: its row is not drawn again. */
const NODES = new WeakMap<
  Run,
  { readonly as: string; readonly below?: Pages | undefined; readonly node: RunNode }
>();

export function runNode(run: Run, shown: Shown, nChildren = 0, fetched: KnownPages = new Map()): RunNode {
  const as = JSON.stringify([shown.metrics, shown.sparkline, nChildren]);
  const below = nChildren ? fetched.get(listKey({ experiment: run.experiment, parent: run.id })) : undefined;
  const known = NODES.get(run);
  if (known?.as === as && known.below === below) {
    return known.node;
  }
  const id = `run:${run.id}`;
  const metrics = shown.metrics.flatMap(key => {
    const value = run.metrics[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  const said = metrics.map(([key, value]) => `, ${clip(key)} ${metric(value)}`).join('');
  const node: RunNode = {
    kind: 'run',
    id,
    label: `${shown.trans.__('Run %1', clip(run.name))}, ${runWord(run.status, shown.trans)}${said}${nChildren ? `, ${childrenWord(nChildren, shown.trans)}` : ''}`,
    run,
    metrics,
    sparkline: shown.sparkline !== null && shown.sparkline in run.metrics ? shown.sparkline : null,
    nChildren,
    children: [
      ...(nChildren ? [childrenNode(run, nChildren, fetched, shown)] : []),
      ...factsOf(run, id, shown)
    ],
    opens: true
  };
  NODES.set(run, { as, below, node });
  return node;
}

/** Who unfolds a run that has others below it wants to see these, too. */
function childrenNode(run: Run, n: number, fetched: KnownPages, shown: Shown): ChildrenNode {
  return {
    kind: 'children',
    id: `run:${run.id}/children`,
    label: childrenWord(n, shown.trans),
    children: new RunList({ experiment: run.experiment, parent: run.id }, n, fetched, shown),
    open: true
  };
}

export function childrenWord(n: number, trans: TranslationBundle): string {
  return trans._n('%1 child run', '%1 child runs', n);
}

function factsOf(run: Run, id: string, { metrics: first, trans }: Shown): readonly (FactNode | MoreNode)[] {
  const facts: (FactNode | MoreNode)[] = [];
  if (run.reason) {
    facts.push(fact(id, trans.__('reason'), run.reason, run.status === 'FAILED' ? 'error' : undefined));
  }
  const metrics = Object.keys(run.metrics).sort(
    (a, b) => Number(first.includes(b)) - Number(first.includes(a))
  );
  for (const name of metrics.slice(0, MOST_FACTS)) {
    facts.push({ ...fact(id, name, metric(run.metrics[name] ?? 'NaN')), id: `${id}/metric/${name}` });
  }
  facts.push(
    ...rest(
      run,
      id,
      'metrics',
      trans._n('%1 more metric', '%1 more metrics', metrics.length - MOST_FACTS),
      metrics
    )
  );
  const params = Object.keys(run.params);
  for (const name of params.slice(0, MOST_FACTS)) {
    facts.push({ ...fact(id, name, run.params[name] ?? ''), id: `${id}/param/${name}` });
  }
  facts.push(
    ...rest(
      run,
      id,
      'params',
      trans._n('%1 more parameter', '%1 more parameters', params.length - MOST_FACTS),
      params
    )
  );
  if (run.duration_s !== null) {
    facts.push(fact(id, trans.__('took'), span(run.duration_s)));
  }
  if (run.project) {
    facts.push(fact(id, trans.__('project'), run.project));
  }
  if (run.actor) {
    facts.push(fact(id, trans.__('by'), run.actor));
  }
  facts.push(fact(id, trans.__('id'), run.id));
  return facts;
}

function rest(
  run: Run,
  id: string,
  what: string,
  label: string,
  all: readonly string[]
): readonly MoreNode[] {
  return all.length > MOST_FACTS ? [{ kind: 'more', id: `${id}/more/${what}`, label, run: run.id }] : [];
}
