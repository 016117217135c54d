/** Rows of experiments and runs. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { useNow } from '../common/clock';
import { age, clip, metric, moment } from '../common/format';
import { StatusIcon } from '../common/icons';
import { runWord, RUN_TONES } from '../common/status';
import { childrenWord } from './model';
import type { ChildrenNode, ExperimentNode, MoreNode, RunNode } from './model';
import { Sparkline } from './sparkline';

export function ExperimentRow({ node }: { readonly node: ExperimentNode }): JSX.Element {
  const trans = useTrans();
  const { name, n_runs, n_running, in_use } = node.experiment;
  return (
    <>
      <span className="jp-Mlops-name" title={clip(name)}>
        <bdi>{clip(name)}</bdi>
      </span>
      {in_use && (
        <span className="jp-Mlops-chip" title={trans.__('Runs that name no experiment go here')}>
          {trans.__('in use')}
        </span>
      )}
      {n_running !== null && n_running > 0 && (
        <StatusIcon tone="busy" title={trans._n('%1 running', '%1 running', n_running)} />
      )}
      <span className="jp-Mlops-aside" title={trans.__('Runs')}>
        {n_runs?.toLocaleString()}
      </span>
    </>
  );
}

export function RunRow({ node }: { readonly node: RunNode }): JSX.Element {
  const now = useNow();
  const trans = useTrans();
  const { run } = node;
  return (
    <>
      <StatusIcon tone={RUN_TONES[run.status]} title={runWord(run.status, trans)} />
      <span className="jp-Mlops-lines">
        <span className="jp-Mlops-line">
          <span className="jp-Mlops-name" title={clip(run.name)}>
            <bdi>{clip(run.name)}</bdi>
          </span>
          {node.nChildren > 0 && (
            <span className="jp-Mlops-count" title={childrenWord(node.nChildren, trans)}>
              {node.nChildren.toLocaleString()}
            </span>
          )}
          <span className="jp-Mlops-aside" title={trans.__('Started %1', moment(run.started_at))}>
            {age(run.started_at, now)}
          </span>
        </span>
        {node.metrics.length > 0 && (
          <span className="jp-Mlops-line">
            <span className="jp-Mlops-metrics">
              {node.metrics.map(([name, value]) => (
                <span key={name} className="jp-Mlops-metric" title={`${clip(name)} = ${value}`}>
                  <bdi className="jp-Mlops-metricName">{clip(name)}</bdi>
                  <span>{metric(value)}</span>
                </span>
              ))}
            </span>
            {node.sparkline !== null && <Sparkline run={run} metric={node.sparkline} />}
          </span>
        )}
      </span>
    </>
  );
}

export function ChildrenRow({ node }: { readonly node: ChildrenNode }): JSX.Element {
  return <span className="jp-Mlops-more">{node.label}</span>;
}

/** In the place of a run that is being fetched. */
export function SlotRow(): JSX.Element {
  return (
    <span className="jp-Mlops-lines" aria-hidden="true">
      <span className="jp-Mlops-ghost" />
    </span>
  );
}

export function MoreRow({ node }: { readonly node: MoreNode }): JSX.Element {
  return <span className="jp-Mlops-more">{node.label}</span>;
}
