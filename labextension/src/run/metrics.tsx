/** The curves of a run, live: any number of metrics, each by itself, and those that one picks over each other. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Run } from '../api/types';
import { useKept, useKeptAs } from '../common/kept';
import { Empty } from '../common/ui/states';
import type { XAxis } from '../curves/model';
import { Cards } from './cards';
import type { Scales } from './cards';
import { found, metricNames, readNames, toggled } from './model';
import { Together } from './together';

export function Metrics({ run, stamp }: { readonly run: Run; readonly stamp: number }): JSX.Element {
  const trans = useTrans();
  const [search, setSearch] = useState('');
  const [axis, setAxis] = useKept<XAxis>('curves-axis', 'step');
  const [log, setLog] = useKept<boolean>('curves-log', false);
  const [smoothing, setSmoothing] = useKept<number>('curves-smoothing', 0);
  // By name: the next run of the experiment has the same ones.
  const [pinned, setPinned] = useKeptAs('curves-pinned', readNames);
  const [together, setTogether] = useKeptAs('curves-together', readNames);
  const names = useMemo(() => metricNames(run.metrics), [run.metrics]);
  const shown = useMemo(() => {
    const hits = found(names, search);
    return [...hits.filter(name => pinned.includes(name)), ...hits.filter(name => !pinned.includes(name))];
  }, [names, search, pinned]);
  const over = useMemo(() => together.filter(name => names.includes(name)), [together, names]);
  if (!names.length) {
    return (
      <Empty title={trans.__('No metrics yet')}>
        {trans.__('In the cell or script:')} <code>{'ml.log({"loss": loss})'}</code>
      </Empty>
    );
  }
  const scales = { axis, log, smoothing };
  return (
    <div className="jp-Mlops-runCharts">
      <div className="jp-Mlops-runControls" role="group" aria-label={trans.__('How curves are drawn')}>
        <input
          type="search"
          className="jp-mod-styled"
          placeholder={trans._n('Find in %1 metric', 'Find in %1 metrics', names.length)}
          aria-label={trans.__('Find metrics')}
          value={search}
          onChange={event => setSearch(event.target.value)}
        />
        <ScaleControls {...{ scales }} onAxis={setAxis} onLog={setLog} onSmoothing={setSmoothing} />
      </div>
      {over.length > 0 && (
        <Together {...{ run, stamp, scales, names: over }} onClear={() => setTogether([])} />
      )}
      {shown.length ? (
        <Cards
          {...{ run, stamp, names: shown, pinned, together, scales }}
          onPin={name => setPinned(toggled(pinned, name))}
          onTogether={name => setTogether(toggled(together, name))}
        />
      ) : (
        <Empty title={trans.__('No metric has that in its name.')} />
      )}
    </div>
  );
}

function ScaleControls(props: {
  readonly scales: Scales;
  readonly onAxis: (axis: XAxis) => void;
  readonly onLog: (log: boolean) => void;
  readonly onSmoothing: (smoothing: number) => void;
}): JSX.Element {
  const { scales, onAxis, onLog, onSmoothing } = props;
  const trans = useTrans();
  return (
    <>
      <label>
        {trans.__('Smoothing')}
        <input
          type="range"
          min="0"
          max="0.99"
          step="0.01"
          value={scales.smoothing}
          onChange={event => onSmoothing(Number(event.target.value))}
        />
        <output>{scales.smoothing.toFixed(2)}</output>
      </label>
      <label>
        {trans.__('Over')}
        <select
          className="jp-mod-styled"
          value={scales.axis}
          onChange={event => onAxis(event.target.value as XAxis)}
        >
          <option value="step">{trans.__('step')}</option>
          <option value="elapsed">{trans.__('time since start')}</option>
          <option value="time">{trans.__('time of day')}</option>
        </select>
      </label>
      <label>
        <input type="checkbox" checked={scales.log} onChange={event => onLog(event.target.checked)} />
        {trans.__('Log scale')}
      </label>
    </>
  );
}
