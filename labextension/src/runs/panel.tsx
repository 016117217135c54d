/** Rows of experiments and runs. */

import type { JSX } from 'react';

import type { RunStatus } from '../api/types';
import { useNow } from '../common/clock';
import { age, metric, moment } from '../common/format';
import { StatusIcon } from '../common/icons';
import type { Tone } from '../common/icons';
import { statusWord } from './model';
import type { ExperimentNode, MoreNode, RunNode } from './model';

const TONES: Readonly<Record<RunStatus, Tone>> = {
  SCHEDULED: 'quiet',
  RUNNING: 'busy',
  FINISHED: 'good',
  FAILED: 'bad',
  KILLED: 'warn'
};

export function ExperimentRow({ node }: { readonly node: ExperimentNode }): JSX.Element {
  return (
    <>
      <span className="jp-Mlops-name" title={node.experiment.name}>
        {node.experiment.name}
      </span>
      {node.nRunning > 0 && <StatusIcon tone="busy" title={`${node.nRunning} running`} />}
      <span className="jp-Mlops-aside" title="Runs">
        {node.nRuns}
      </span>
    </>
  );
}

export function RunRow({ node }: { readonly node: RunNode }): JSX.Element {
  const now = useNow();
  const { run } = node;
  return (
    <>
      <StatusIcon tone={TONES[run.status]} title={statusWord(run.status)} />
      <span className="jp-Mlops-lines">
        <span className="jp-Mlops-line">
          <span className="jp-Mlops-name" title={run.name}>
            {run.name}
          </span>
          <span className="jp-Mlops-aside" title={`Started ${moment(run.started_at)}`}>
            {age(run.started_at, now)}
          </span>
        </span>
        {node.metrics.length > 0 && (
          <span className="jp-Mlops-line jp-Mlops-metrics">
            {node.metrics.map(([name, value]) => (
              <span key={name} className="jp-Mlops-metric" title={`${name} = ${value}`}>
                <span className="jp-Mlops-metricName">{name}</span>
                <span>{metric(value)}</span>
              </span>
            ))}
          </span>
        )}
      </span>
    </>
  );
}

export function MoreRow({ node }: { readonly node: MoreNode }): JSX.Element {
  return <span className="jp-Mlops-more">{node.label}</span>;
}
