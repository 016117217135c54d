/** What a run was and what came of it, on one page. */

import type { JSX, ReactNode } from 'react';

import { useSession, useTrans } from '../api/context';
import type { Run, RunDetail } from '../api/types';
import { CommandIDs } from '../commands';
import { metric, moment, span } from '../common/format';
import { StatusIcon } from '../common/icons';
import { runWord, RUN_TONES } from '../common/status';
import { Button } from '../common/ui/button';
import { OpenLink } from '../common/ui/link';
import { Facts, Part } from '../common/ui/parts';
import type { Fact } from '../common/ui/parts';
import { gitText, isLive, metricNames, noteOf, ownTags, shapeOf } from './model';
import { Notes } from './notes';
import { Spark } from './spark';

const KEY_METRICS = 12;
const MOST_CHILDREN = 50;

export function Overview(props: {
  readonly detail: RunDetail;
  readonly stamp: number;
  readonly onTab: (tab: string) => void;
}): JSX.Element {
  const { detail, stamp, onTab } = props;
  const trans = useTrans();
  const { run } = detail;
  return (
    <div className="jp-Mlops-runOverview">
      <Troubles detail={detail} />
      <div className="jp-Mlops-runColumns">
        <div>
          <KeyMetrics run={run} stamp={stamp} onMore={() => onTab('metrics')} />
          <Pairs title={trans.__('Parameters')} pairs={Object.entries(run.params)} />
          <Children runs={detail.children} />
        </div>
        <div>
          <Part title={trans.__('About')}>
            <Facts facts={useFacts(detail)} />
          </Part>
          <Pairs title={trans.__('Tags')} pairs={ownTags(run)} />
          <Datasets detail={detail} />
          <Notes run={run.id} note={noteOf(run)} />
        </div>
      </div>
    </div>
  );
}

/** Why it failed, what it used that is hidden, what its snapshot lacks. */
function Troubles({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const { run } = detail;
  return (
    <>
      {run.reason && (
        <div
          className={`jp-mod-reason ${run.status === 'FAILED' ? 'jp-Mlops-failure' : 'jp-Mlops-notice'}`}
          role="status"
        >
          <bdi>{run.reason}</bdi>
        </div>
      )}
      {run.deleted && <div className="jp-Mlops-notice">{trans.__('It is in the trash.')}</div>}
      {detail.hidden_state.length > 0 && (
        <div className="jp-Mlops-notice">
          <strong>{trans.__('Its notebook, run from top to bottom, would not give the same.')}</strong>
          <ul>
            {detail.hidden_state.map(({ variable, text }) => (
              <li key={variable}>{text}</li>
            ))}
          </ul>
        </div>
      )}
      {detail.warnings.length > 0 && (
        <details className="jp-Mlops-notice">
          <summary>
            {trans._n(
              'The snapshot has %1 warning.',
              'The snapshot has %1 warnings.',
              detail.warnings.length
            )}
          </summary>
          <ul>
            {detail.warnings.map(text => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function KeyMetrics(props: {
  readonly run: Run;
  readonly stamp: number;
  readonly onMore: () => void;
}): JSX.Element {
  const { run, stamp, onMore } = props;
  const trans = useTrans();
  const names = metricNames(run.metrics);
  const shown = names.slice(0, KEY_METRICS);
  const more = (
    <Button onClick={onMore}>{trans._n('Show %1 curve', 'Show all %1 curves', names.length)}</Button>
  );
  return (
    <Part title={trans.__('Metrics')} aside={names.length > 0 && more}>
      {names.length === 0 ? (
        <p className="jp-Mlops-quiet">
          {trans.__('None were logged. In the cell or script:')} <code>{'ml.log({"loss": loss})'}</code>
        </p>
      ) : (
        <Spark run={run} names={shown} stamp={stamp} />
      )}
    </Part>
  );
}

function Pairs(props: {
  readonly title: string;
  readonly pairs: readonly (readonly [string, ReactNode])[];
}): JSX.Element | null {
  return props.pairs.length ? (
    <Part title={props.title}>
      <Facts facts={props.pairs.map(([name, value]) => ({ name, value }))} />
    </Part>
  ) : null;
}

function Children({ runs }: { readonly runs: readonly Run[] }): JSX.Element | null {
  const trans = useTrans();
  const session = useSession();
  return runs.length ? (
    <Part title={trans._n('%1 child run', '%1 child runs', runs.length)}>
      <ul className="jp-Mlops-runChildren">
        {runs.slice(0, MOST_CHILDREN).map(child => (
          <li key={child.id}>
            <StatusIcon tone={RUN_TONES[child.status]} title={runWord(child.status, trans)} />
            <OpenLink kind="run" subject={child.id} name={child.name} title={child.id} />
            <span className="jp-Mlops-quiet">
              {Object.entries(child.metrics)
                .slice(0, 3)
                .map(([name, value]) => `${name} ${metric(value)}`)
                .join('  ')}
            </span>
          </li>
        ))}
      </ul>
      {runs.length > MOST_CHILDREN && (
        <p className="jp-Mlops-quiet">{trans.__('and %1 more', runs.length - MOST_CHILDREN)}</p>
      )}
      {runs.length > 1 && (
        <Button onClick={() => void session.run(CommandIDs.compare, { runs: runs.map(run => run.id) })}>
          {trans.__('Compare them')}
        </Button>
      )}
    </Part>
  ) : null;
}

function Datasets({ detail }: { readonly detail: RunDetail }): JSX.Element | null {
  const trans = useTrans();
  const { datasets } = detail;
  return datasets.length ? (
    <Part title={trans.__('Data')}>
      <ul className="jp-Mlops-runChildren">
        {datasets.map(one => (
          <li key={`${one.name} ${one.digest} ${one.context}`} title={one.source.slice(0, 500)}>
            <bdi>{one.name}</bdi>
            <span className="jp-Mlops-quiet">
              {[one.context, one.digest, shapeOf(one.profile)].filter(Boolean).join(' · ')}
            </span>
          </li>
        ))}
      </ul>
    </Part>
  ) : null;
}

function useFacts(detail: RunDetail): readonly Fact[] {
  const trans = useTrans();
  const { run, cell } = detail;
  const notebook = detail.notebook === 'unknown' ? '' : detail.notebook;
  const inside = cell?.notebook_in_workspace;
  const where = inside === undefined || inside === '' ? notebook : inside;
  const count = cell?.execution_count;
  const facts: readonly (Fact | null)[] = [
    { name: trans.__('Status'), value: runWord(run.status, trans) },
    { name: trans.__('Started'), value: moment(run.started_at) },
    run.ended_at === null ? null : { name: trans.__('Ended'), value: moment(run.ended_at) },
    run.duration_s === null ? null : { name: trans.__('Took'), value: span(run.duration_s) },
    { name: trans.__('By'), value: run.actor },
    {
      name: trans.__('Experiment'),
      value: <OpenLink kind="experiment" subject={run.experiment} name={run.experiment} />
    },
    { name: trans.__('Project'), value: run.project },
    { name: trans.__('Source'), value: where, title: notebook },
    count === null || count === undefined ? null : { name: trans.__('Cell'), value: `[${count}]` },
    { name: trans.__('Commit'), value: gitText(detail, trans), title: detail.git?.remote ?? '' },
    { name: trans.__('Snapshot'), value: detail.snapshot },
    { name: trans.__('Python'), value: detail.environment?.python ?? '' },
    run.parent === null
      ? null
      : {
          name: trans.__('Child of'),
          value: <OpenLink kind="run" subject={run.parent} name={run.parent.slice(0, 8)} title={run.parent} />
        },
    { name: trans.__('Target'), value: run.tags['mlops.target'] ?? '' },
    { name: trans.__('Node'), value: isLive(run) ? (run.tags['mlops.node'] ?? '') : '' },
    { name: trans.__('ID'), value: run.id }
  ];
  return facts.flatMap(fact => (fact === null || fact.value === '' ? [] : [fact]));
}
