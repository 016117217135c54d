/** The curves of a run, live: any number of metrics, of which only those that are seen are fetched and drawn. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Curve, Run } from '../api/types';
import { metric } from '../common/format';
import { useKept } from '../common/kept';
import { Empty } from '../common/ui/states';
import type { XAxis } from '../curves/model';
import { Curves } from '../curves/panel';
import { found, lineOf, metricNames } from './model';
import { useCurves } from './queries';

/** A chart's card, whatever is in it: rows of equal height are found at once among thousands. */
const CARD_HEIGHT = 268;
const CHART_HEIGHT = 210;
const LEAST_WIDTH = 340;

interface Scales {
  readonly axis: XAxis;
  readonly log: boolean;
  readonly smoothing: number;
}

export function Metrics({ run, stamp }: { readonly run: Run; readonly stamp: number }): JSX.Element {
  const trans = useTrans();
  const [search, setSearch] = useState('');
  const [axis, setAxis] = useKept<XAxis>('curves-axis', 'step');
  const [log, setLog] = useKept<boolean>('curves-log', false);
  const [smoothing, setSmoothing] = useKept<number>('curves-smoothing', 0);
  const [pinned, setPinned] = useState<ReadonlySet<string>>(new Set());
  const names = useMemo(() => metricNames(run.metrics), [run.metrics]);
  const shown = useMemo(() => {
    const hits = found(names, search);
    return [...hits.filter(name => pinned.has(name)), ...hits.filter(name => !pinned.has(name))];
  }, [names, search, pinned]);
  if (!names.length) {
    return (
      <Empty title={trans.__('No metrics yet')}>
        {trans.__('In the cell or script:')} <code>{'ml.log({"loss": loss})'}</code>
      </Empty>
    );
  }
  const pin = (name: string): void => {
    setPinned(new Set(pinned.has(name) ? [...pinned].filter(one => one !== name) : [...pinned, name]));
  };
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
        <label>
          {trans.__('Smoothing')}
          <input
            type="range"
            min="0"
            max="0.99"
            step="0.01"
            value={smoothing}
            onChange={event => setSmoothing(Number(event.target.value))}
          />
          <output>{smoothing.toFixed(2)}</output>
        </label>
        <label>
          {trans.__('Over')}
          <select
            className="jp-mod-styled"
            value={axis}
            onChange={event => setAxis(event.target.value as XAxis)}
          >
            <option value="step">{trans.__('step')}</option>
            <option value="elapsed">{trans.__('time since start')}</option>
            <option value="time">{trans.__('time of day')}</option>
          </select>
        </label>
        <label>
          <input type="checkbox" checked={log} onChange={event => setLog(event.target.checked)} />
          {trans.__('Log scale')}
        </label>
      </div>
      {shown.length ? (
        <Cards {...{ run, stamp, names: shown, pinned, onPin: pin, scales: { axis, log, smoothing } }} />
      ) : (
        <Empty title={trans.__('No metric has that in its name.')} />
      )}
    </div>
  );
}

function Cards(props: {
  readonly run: Run;
  readonly stamp: number;
  readonly names: readonly string[];
  readonly pinned: ReadonlySet<string>;
  readonly onPin: (name: string) => void;
  readonly scales: Scales;
}): JSX.Element {
  const { run, stamp, names, pinned, onPin, scales } = props;
  const [nColumns, setColumns] = useState(2);
  const scroller = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = scroller.current;
    if (!node) {
      return;
    }
    const observer = new ResizeObserver(() => {
      if (node.clientWidth) {
        setColumns(Math.max(1, Math.floor(node.clientWidth / LEAST_WIDTH)));
      }
    });
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing in here is memoised
  const rows = useVirtualizer({
    count: Math.ceil(names.length / nColumns),
    getScrollElement: () => scroller.current,
    estimateSize: () => CARD_HEIGHT,
    overscan: 1
  });
  const items = rows.getVirtualItems();
  const key = items
    .map(item => names.slice(item.index * nColumns, (item.index + 1) * nColumns).join(','))
    .join('\n');
  const groups = useMemo(
    () =>
      key
        .split('\n')
        .filter(Boolean)
        .map(row => row.split(',')),
    [key]
  );
  const curves = useCurves(run.id, groups, scales.axis === 'step' ? 'step' : 'time', stamp);
  return (
    <div ref={scroller} className="jp-Mlops-runCardScroll">
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {items.map(item => (
          <div
            key={item.index}
            className="jp-Mlops-runCardRow"
            style={{
              height: CARD_HEIGHT,
              transform: `translateY(${item.start}px)`,
              gridTemplateColumns: `repeat(${nColumns}, minmax(0, 1fr))`
            }}
          >
            {names.slice(item.index * nColumns, (item.index + 1) * nColumns).map(name => (
              <Card
                key={name}
                {...{ run, name, scales, curve: curves.get(name) }}
                isPinned={pinned.has(name)}
                onPin={() => onPin(name)}
              />
            ))}
          </div>
        ))}
      </div>
    </div>
  );
}

function Card(props: {
  readonly run: Run;
  readonly name: string;
  readonly curve: Curve | undefined;
  readonly scales: Scales;
  readonly isPinned: boolean;
  readonly onPin: () => void;
}): JSX.Element {
  const { run, name, curve, scales, isPinned, onPin } = props;
  const trans = useTrans();
  const { axis, log, smoothing } = scales;
  const series = useMemo(
    () => (curve ? [lineOf(curve, axis, run.started_at)] : []),
    [curve, axis, run.started_at]
  );
  const last = run.metrics[name];
  const nPoints = curve?.n_points ?? 0;
  return (
    <section className="jp-Mlops-runCurve" aria-label={name}>
      <h3 title={name}>
        <bdi>{name}</bdi>
        <span className="jp-Mlops-runLast" title={String(last)}>
          {last === undefined ? '' : metric(last)}
        </span>
        <button
          type="button"
          className="jp-Mlops-iconButton"
          aria-pressed={isPinned}
          aria-label={trans.__('Keep %1 first', name)}
          title={trans.__('Keep first')}
          onClick={onPin}
        >
          {isPinned ? '★' : '☆'}
        </button>
      </h3>
      {nPoints === 1 ? (
        <div className="jp-Mlops-runSingle">
          <strong>{last === undefined ? '' : metric(last)}</strong>
          <span className="jp-Mlops-quiet">{trans.__('one point')}</span>
        </div>
      ) : series.length ? (
        <Curves
          {...{ series, axis, log, smoothing }}
          height={CHART_HEIGHT}
          label={name}
          legend="place"
          zoomKey={`${run.id} ${axis} ${name}`}
        />
      ) : null}
    </section>
  );
}
