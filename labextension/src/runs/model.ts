/** Experiments with their runs, as the panel lists them. */

import type { Experiment, MetricValue, Run, RunStatus } from '../api/types';
import { count, metric, span } from '../common/format';
import { matcher } from '../common/filter';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';

export interface ExperimentNode extends TreeNode {
  readonly kind: 'experiment';
  readonly experiment: Experiment;
  /** How many runs it has, with a + where there may be more. */
  readonly nRuns: string;
  readonly nRunning: number;
}

export interface RunNode extends TreeNode {
  readonly kind: 'run';
  readonly run: Run;
  /** The few metrics shown beside the name. */
  readonly metrics: readonly (readonly [string, MetricValue])[];
}

/** Stands for the runs that were not fetched yet. */
export interface MoreNode extends TreeNode {
  readonly kind: 'more';
  readonly experiment: string;
}

export type RunsNode = ExperimentNode | RunNode | MoreNode | FactNode | HintNode;

const STATUS_WORDS: Readonly<Record<RunStatus, string>> = {
  SCHEDULED: 'scheduled',
  RUNNING: 'running',
  FINISHED: 'finished',
  FAILED: 'failed',
  KILLED: 'killed'
};

export function statusWord(status: RunStatus): string {
  return STATUS_WORDS[status];
}

/**
 * Return the names of the metrics to show beside each run: those that most of the runs have, so that
 * rows compare like with like; names break ties. What MLflow measures of the machine is left out.
 */
export function keyMetrics(runs: readonly Run[], most = 3): readonly string[] {
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

export function experimentId(name: string): string {
  return `experiment:${name}`;
}

/** The newest runs, as far as they were asked for. */
export interface SomeRuns {
  readonly runs: readonly Run[];
  /** Whether there are no older ones. */
  readonly all: boolean;
}

/** What is known of the runs: the newest of all experiments, and more of the experiments that were asked for. */
export interface KnownRuns {
  readonly recent: SomeRuns;
  readonly of: ReadonlyMap<string, SomeRuns>;
}

/** Return the known runs of an experiment, newest first. */
export function runsOf(known: KnownRuns, experiment: string): SomeRuns {
  const recent = known.recent.runs.filter(run => run.experiment === experiment);
  const asked = known.of.get(experiment);
  if (!asked) {
    return { runs: recent, all: known.recent.all };
  }
  // A run that began since is only among the recent ones.
  const listed = new Set(asked.runs.map(run => run.id));
  const runs = [...recent.filter(run => !listed.has(run.id)), ...asked.runs];
  return { runs, all: asked.all || known.recent.all };
}

/** Return the nodes of the section Experiments. A filter keeps experiments by name and runs by anything they say. */
export function experimentNodes(
  experiments: readonly Experiment[],
  known: KnownRuns,
  filter: string
): readonly RunsNode[] {
  const passes = matcher(filter);
  // MLflow makes an experiment "Default" with every store: it is news only when something ran in it.
  const shown = experiments.filter(one => one.id !== '0' || runsOf(known, one.name).runs.length > 0);
  if (!shown.length) {
    return [
      hint(
        'experiments',
        'No runs yet. In a notebook, run %load_ext jupyter_mlops once, then begin a cell with',
        '%%ml run'
      )
    ];
  }
  const nodes: ExperimentNode[] = [];
  [...shown]
    .sort((a, b) => b.created_at - a.created_at)
    .forEach(experiment => {
      const some = runsOf(known, experiment.name);
      const named = passes(experiment.name);
      const runs = named ? some.runs : some.runs.filter(run => passes(experiment.name, ...textsOf(run)));
      if (!named && !runs.length) {
        return;
      }
      nodes.push(experimentNode(experiment, some, runs, filter !== '' || nodes.length === 0));
    });
  return nodes.length ? nodes : [hint('experiments', 'No experiment or run matches the filter.')];
}

function experimentNode(
  experiment: Experiment,
  some: SomeRuns,
  shown: readonly Run[],
  open: boolean
): ExperimentNode {
  const id = experimentId(experiment.name);
  const nRunning = some.runs.filter(run => run.status === 'RUNNING').length;
  const nRuns = Math.max(experiment.n_runs ?? 0, some.runs.length);
  const keys = keyMetrics(some.runs);
  const children: RunsNode[] = shown.map(run => runNode(run, keys));
  if (!some.all) {
    children.push({ kind: 'more', id: `${id}/more`, label: 'Show older runs', experiment: experiment.name });
  } else if (!children.length) {
    children.push(hint(id, 'No runs yet. Begin a cell with', `%%ml run -e ${experiment.name}`));
  }
  const running = nRunning ? `, ${nRunning} running` : '';
  return {
    kind: 'experiment',
    id,
    label: `Experiment ${experiment.name}, ${count(nRuns, 'run')}${some.all ? '' : ' or more'}${running}`,
    experiment,
    nRuns: some.all ? String(nRuns) : `${nRuns}+`,
    nRunning,
    children,
    open: open || nRunning > 0
  };
}

function runNode(run: Run, keys: readonly string[]): RunNode {
  const id = `run:${run.id}`;
  const metrics = keys.flatMap(key => {
    const value = run.metrics[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  const said = metrics.map(([key, value]) => `, ${key} ${metric(value)}`).join('');
  return {
    kind: 'run',
    id,
    label: `Run ${run.name}, ${statusWord(run.status)}${said}`,
    run,
    metrics,
    children: factsOf(run, id)
  };
}

function factsOf(run: Run, id: string): readonly FactNode[] {
  const facts: FactNode[] = [];
  if (run.reason) {
    facts.push(fact(id, 'reason', run.reason, run.status === 'FAILED' ? 'error' : undefined));
  }
  for (const [name, value] of Object.entries(run.metrics)) {
    facts.push({ ...fact(id, name, metric(value)), id: `${id}/metric/${name}` });
  }
  for (const [name, value] of Object.entries(run.params)) {
    facts.push({ ...fact(id, name, value), id: `${id}/param/${name}` });
  }
  if (run.duration_s !== null) {
    facts.push(fact(id, 'took', span(run.duration_s)));
  }
  if (run.project) {
    facts.push(fact(id, 'project', run.project));
  }
  if (run.actor) {
    facts.push(fact(id, 'by', run.actor));
  }
  facts.push(fact(id, 'id', run.id));
  return facts;
}

function textsOf(run: Run): readonly string[] {
  const pairs = [...Object.entries(run.params), ...Object.entries(run.metrics)];
  return [
    run.name,
    run.id,
    run.status,
    run.project,
    run.actor,
    ...pairs.map(([key, value]) => `${key}=${value}`)
  ];
}
