/** The page of one run. */

import '../../style/run.css';
import '../../style/runlogs.css';

import { useEffect } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { RunDetail } from '../api/types';
import { useNow } from '../common/clock';
import { moment, span, startedAgo } from '../common/format';
import { StatusIcon } from '../common/icons';
import { useKept } from '../common/kept';
import { runWord, RUN_TONES } from '../common/status';
import { ViewHead } from '../common/ui/parts';
import { Busy, Failed, Known } from '../common/ui/states';
import { Tabs } from '../common/ui/tabs';
import { Lineage } from '../lineage/panel';
import type { ViewProps } from '../main/views';
import { RunActions } from './actions';
import { Code } from './code';
import { EnvironmentTab } from './environment';
import { Logs } from './logs';
import { Metrics } from './metrics';
import { isLive } from './model';
import { Outputs } from './outputs';
import { Overview } from './overview';
import { useRun } from './queries';

export function View({ subject, setTitle }: ViewProps): JSX.Element {
  const trans = useTrans();
  const named = useRun(subject);
  // Hints about changes name a run by its whole id; a link may have its name or the beginning of its id.
  const { data = named.data, error, dataUpdatedAt } = useRun(named.data?.run.id ?? subject);
  const name = data?.run.name;
  const about = data ? `${data.run.experiment} / ${data.run.name}` : '';
  useEffect(() => {
    if (name !== undefined) {
      setTitle(name, about);
    }
  }, [name, about, setTitle]);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the run')} />;
  }
  return <RunPage detail={data} error={error} stamp={dataUpdatedAt} />;
}

function RunPage(props: {
  readonly detail: RunDetail;
  readonly error: unknown;
  readonly stamp: number;
}): JSX.Element {
  const { detail, error, stamp } = props;
  const trans = useTrans();
  const [tab, setTab] = useKept<string>('run-tab', 'overview');
  const { run } = detail;
  const tabs = [
    {
      id: 'overview',
      label: trans.__('Overview'),
      content: () => <Overview detail={detail} stamp={stamp} onTab={setTab} />
    },
    { id: 'metrics', label: trans.__('Metrics'), content: () => <Metrics run={run} stamp={stamp} /> },
    { id: 'logs', label: trans.__('Logs'), content: () => <Logs run={run} /> },
    { id: 'outputs', label: trans.__('Outputs'), content: () => <Outputs detail={detail} /> },
    { id: 'code', label: trans.__('Code'), content: () => <Code detail={detail} /> },
    { id: 'environment', label: trans.__('Environment'), content: () => <EnvironmentTab detail={detail} /> },
    { id: 'lineage', label: trans.__('Lineage'), content: () => <Lineage kind="run" name={run.id} /> }
  ];
  return (
    <>
      <ViewHead
        title={run.name}
        toolbarLabel={trans.__('What to do with the run')}
        status={
          <span className={`jp-Mlops-runStatus jp-mod-${RUN_TONES[run.status]}`}>
            <StatusIcon tone={RUN_TONES[run.status]} title="" />
            {runWord(run.status, trans)}
          </span>
        }
        about={<About detail={detail} />}
      >
        <RunActions detail={detail} />
      </ViewHead>
      <Known error={error}>
        <Tabs label={trans.__('Parts of the run')} tabs={tabs} chosen={tab} onChoose={setTab} />
      </Known>
    </>
  );
}

function About({ detail }: { readonly detail: RunDetail }): JSX.Element {
  const trans = useTrans();
  const now = useNow();
  const { run } = detail;
  const took = run.duration_s ?? (isLive(run) ? Math.max(0, Math.floor(now - run.started_at)) : null);
  return (
    <>
      <bdi>{run.experiment}</bdi>
      <span title={moment(run.started_at)}>{startedAgo(run.started_at, now)}</span>
      {took !== null && (
        <span>{isLive(run) ? trans.__('runs since %1', span(took)) : trans.__('took %1', span(took))}</span>
      )}
      {run.actor && <bdi>{run.actor}</bdi>}
    </>
  );
}
