/** Compare: any number of runs side by side. */

import '../../style/compare.css';
import '../../style/comparetables.css';

import { Notification } from '@jupyterlab/apputils';
import { useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useCan, useSession, useTrans } from '../api/context';
import { asApiError } from '../api/errors';
import type { Run } from '../api/types';
import { CommandIDs } from '../commands';
import { useKept } from '../common/kept';
import { Actions } from '../common/ui/actions';
import { Button } from '../common/ui/button';
import { ViewHead } from '../common/ui/parts';
import { Busy, Empty, Failed, Stale } from '../common/ui/states';
import { Below } from '../common/ui/told';
import { Tabs } from '../common/ui/tabs';
import type { ChangingViewProps } from '../main/views';
import { RunsBar } from './bar';
import { Code } from './code';
import { placed, runColor } from './colors';
import type { Places } from './colors';
import type { Compared } from './compared';
import { RunCurves } from './curves';
import { DataTab } from './data';
import { useDirections } from './directions';
import { idsOf, labelsOf, shorten } from './model';
import { PackagesTab } from './packages';
import { Parallel } from './parallel';
import { RunPicker } from './picker';
import { Popover } from './popover';
import { useRuns } from './queries';
import type { FoundRun } from './queries';
import { Scatter } from './scatter';
import { Values } from './values';

const NO_PLACES: Places = new Map();

/** Runs that a page compares without asking: with ten times as many it takes seconds to answer. */
const MOST_RUNS = 1000;

export function View(props: ChangingViewProps): JSX.Element {
  const trans = useTrans();
  const [subject, setSubject] = useState(props.subject);
  const [isMeant, setMeant] = useState(false);
  const ids = idsOf(subject);
  if (isMeant || ids.length <= MOST_RUNS) {
    return <Comparison {...props} subject={subject} />;
  }
  const most = MOST_RUNS.toLocaleString();
  const some = ids.slice(0, MOST_RUNS).join(',');
  return (
    <Empty title={trans.__('%1 runs are many to be compared at once.', ids.length.toLocaleString())}>
      <p>
        {trans.__(
          'The page will be slow. The table of runs can be filtered, or grouped by a parameter, with all of them.'
        )}
      </p>
      <Button
        onClick={() => {
          setSubject(some);
          props.setSubject(some);
        }}
      >
        {trans.__('Compare the first %1', most)}
      </Button>
      <Button onClick={() => setMeant(true)}>{trans.__('Compare all')}</Button>
    </Empty>
  );
}

function Comparison({ subject, setTitle, setSubject }: ChangingViewProps): JSX.Element {
  const trans = useTrans();
  const [ids, setIds] = useState(() => idsOf(subject));
  const { values, isLoading, error } = useRuns(ids);
  const compared = useCompared(ids, values);
  const change = (next: readonly string[]): void => {
    setIds(next);
    setSubject(next.join(','));
  };
  // The first one is the base: so a reload and a link have it, too.
  const setBase = (run: string): void => {
    const base = ids.find(id => values.get(id)?.run?.id === run) ?? run;
    change([base, ...ids.filter(id => id !== base)]);
  };
  const n = compared.runs.length;
  const title = trans._n('%1 run compared', '%1 runs compared', n).replace(String(n), n.toLocaleString());
  const caption = compared.runs
    .slice(0, 10)
    .map(run => shorten(run.name, 40))
    .join(', ');
  const isKnown = values.size > 0;
  useEffect(() => {
    // A tab that is restored behind others keeps its title until somebody looks at it.
    if (isKnown || !ids.length) {
      setTitle(n ? title : trans.__('Comparison'), caption || title);
    }
  }, [setTitle, trans, isKnown, ids, n, title, caption]);
  if (isLoading && !values.size) {
    return <Busy label={trans.__('Comparing')} />;
  }
  if (error && !values.size) {
    return <Failed error={error} />;
  }
  const absent = [...values.values()].flatMap(found => found.absent ?? []);
  return (
    <div className="jp-Mlops-compare">
      <Head {...{ ids, compared, title }} onAdd={id => change([...ids, id])} onBase={setBase} />
      <Stale error={error} />
      <Bar
        {...{ compared, absent }}
        onRemove={id => change(ids.filter(one => one !== id && values.get(one)?.run?.id !== id))}
      />
      {n ? (
        <Below error={error}>
          <Body compared={compared} onKeep={change} />
        </Below>
      ) : (
        <Empty title={trans.__('There is nothing to compare yet.')}>
          {trans.__('Add runs with the button above, or select some in a table of runs and choose Compare.')}
        </Empty>
      )}
    </div>
  );
}

/** Put together what all parts draw from; it stays the same object while nothing in it changes. */
function useCompared(ids: readonly string[], values: ReadonlyMap<string, FoundRun>): Compared {
  const session = useSession();
  const [known, setKnown] = useState(NO_PLACES);
  const [hot, setHot] = useState<string | null>(null);
  const [directions] = useDirections();
  const runs: readonly Run[] = useMemo(() => {
    const found = ids.flatMap(id => values.get(id)?.run ?? []);
    return [...new Map(found.map(run => [run.id, run])).values()];
  }, [ids, values]);
  // By the order of the subject, whichever answer comes first.
  const places = placed(known, ids);
  if (places !== known) {
    setKnown(places);
  }
  const placeOf = useMemo(
    () => new Map(ids.map(id => [values.get(id)?.run?.id ?? id, places.get(id) ?? 0])),
    [ids, values, places]
  );
  const labels = useMemo(() => labelsOf(runs), [runs]);
  const lower = useMemo(() => new Set([...values.values()].flatMap(one => one.lower)), [values]);
  return {
    runs,
    base: runs[0]?.id ?? '',
    labelOf: useCallback(id => labels.get(id) ?? id, [labels]),
    colorOf: useCallback(id => runColor(placeOf.get(id) ?? 0), [placeOf]),
    directionOf: useCallback(
      name => directions[name] ?? (lower.has(name) ? 'lower' : 'higher'),
      [directions, lower]
    ),
    hot,
    setHot,
    openRun: useCallback(id => void session.run(CommandIDs.open, { kind: 'run', subject: id }), [session])
  };
}

function Head(props: {
  readonly ids: readonly string[];
  readonly compared: Compared;
  readonly title: string;
  readonly onAdd: (id: string) => void;
  readonly onBase: (id: string) => void;
}): JSX.Element {
  const { ids, compared, title, onAdd, onBase } = props;
  const session = useSession();
  const trans = useTrans();
  const { runs, labelOf } = compared;
  const taken = useMemo(() => new Set([...ids, ...runs.map(run => run.id)]), [ids, runs]);
  // Kept while another run is pointed at: of ten thousand names each is cut by its letters.
  const options = useMemo(
    () =>
      runs.map(run => (
        <option key={run.id} value={run.id}>
          {shorten(labelOf(run.id), 60)}
        </option>
      )),
    [runs, labelOf]
  );
  return (
    <ViewHead title={title} toolbarLabel={trans.__('Comparison')}>
      <label className="jp-Mlops-choose">
        {trans.__('Base')}
        <select
          className="jp-Mlops-compareInput"
          value={compared.base}
          title={trans.__('The run that the others are compared with')}
          onChange={event => onBase(event.target.value)}
        >
          {options}
        </select>
      </label>
      <Popover button={trans.__('Add runs…')} label={trans.__('Add runs')}>
        <RunPicker taken={taken} onPick={onAdd} />
      </Popover>
      <Actions
        actions={[
          {
            id: 'link',
            label: trans.__('Copy link'),
            title: trans.__("Copy a link that opens this comparison in another person's Lab"),
            onClick: () => void session.run(CommandIDs.copyLink, { kind: 'compare', subject: ids.join(',') })
          }
        ]}
      />
    </ViewHead>
  );
}

function Bar(props: {
  readonly compared: Compared;
  readonly absent: Parameters<typeof RunsBar>[0]['absent'];
  readonly onRemove: (id: string) => void;
}): JSX.Element {
  const { client } = useSession();
  const queries = useQueryClient();
  const canWrite = useCan('write');
  const restore = async (id: string): Promise<void> => {
    await client.post('/runs/{ref}/restore', { path: { ref: id } });
    await queries.invalidateQueries({ queryKey: ['run', id] });
  };
  return (
    <RunsBar
      {...props}
      onRestore={
        canWrite
          ? id => void restore(id).catch((error: unknown) => Notification.error(asApiError(error).message))
          : null
      }
    />
  );
}

function Body(props: {
  readonly compared: Compared;
  readonly onKeep: (ids: readonly string[]) => void;
}): JSX.Element {
  const { compared, onKeep } = props;
  const trans = useTrans();
  const [tab, setTab] = useKept<string>('compare-tab', 'values');
  const [, setDirection] = useDirections();
  return (
    <Tabs
      label={trans.__('Parts of the comparison')}
      chosen={tab}
      onChoose={setTab}
      tabs={[
        {
          id: 'values',
          label: trans.__('Parameters and metrics'),
          content: () => <Values compared={compared} onDirection={setDirection} />
        },
        { id: 'curves', label: trans.__('Curves'), content: () => <RunCurves compared={compared} /> },
        {
          id: 'parallel',
          label: trans.__('Parallel coordinates'),
          content: () => <Parallel compared={compared} onKeep={onKeep} />
        },
        { id: 'scatter', label: trans.__('Scatter'), content: () => <Scatter compared={compared} /> },
        { id: 'code', label: trans.__('Code'), content: () => <Code compared={compared} /> },
        { id: 'data', label: trans.__('Data'), content: () => <DataTab compared={compared} /> },
        { id: 'packages', label: trans.__('Packages'), content: () => <PackagesTab compared={compared} /> }
      ]}
    />
  );
}
