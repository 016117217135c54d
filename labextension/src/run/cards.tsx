/** The charts of a run's metrics, one card for each: only those that are seen are fetched and drawn. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Curve, Run } from '../api/types';
import { metric } from '../common/format';
import { useScale } from '../common/scale';
import { IconButton } from '../common/ui/button';
import type { XAxis } from '../curves/model';
import { Curves } from '../curves/panel';
import { useLines } from './lines';
import { batches } from './model';
import { useCurves } from './queries';

/** A chart's card, whatever is in it: rows of equal height are found at once among thousands. */
const CARD_HEIGHT = 272;
/** How much of that is text: its heading, and what the chart cannot draw. */
const TEXT_HEIGHT = 46;
const CHART_HEIGHT = 210;
const LEAST_WIDTH = 340;
/** Metrics that are asked for at once. It is the same for any number of columns: another width asks for nothing again. */
const PER_ASK = 4;

export interface Scales {
  readonly axis: XAxis;
  readonly log: boolean;
  readonly smoothing: number;
}

export function Cards(props: {
  readonly run: Run;
  readonly stamp: number;
  readonly names: readonly string[];
  readonly pinned: readonly string[];
  readonly together: readonly string[];
  readonly onPin: (name: string) => void;
  readonly onTogether: (name: string) => void;
  readonly scales: Scales;
}): JSX.Element {
  const { run, stamp, names, pinned, together, onPin, onTogether, scales } = props;
  const [nColumns, setColumns] = useState(2);
  const scroller = useRef<HTMLDivElement>(null);
  const [probe, scale] = useScale();
  const height = Math.round(CARD_HEIGHT + TEXT_HEIGHT * (scale - 1));
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
    estimateSize: () => height,
    overscan: 1
  });
  useEffect(() => rows.measure(), [rows, height]);
  const items = rows.getVirtualItems();
  const first = (items[0]?.index ?? 0) * nColumns;
  const end = ((items[items.length - 1]?.index ?? -1) + 1) * nColumns;
  const groups = useMemo(() => batches(names, first, end, PER_ASK), [names, first, end]);
  const curves = useCurves(run.id, groups, scales.axis === 'step' ? 'step' : 'time', stamp);
  return (
    <div ref={scroller} className="jp-Mlops-runCardScroll">
      <span className="jp-Mlops-em" ref={probe} />
      <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
        {items.map(item => (
          <div
            key={item.index}
            className="jp-Mlops-runCardRow"
            style={{
              height,
              transform: `translateY(${item.start}px)`,
              gridTemplateColumns: `repeat(${nColumns}, minmax(0, 1fr))`
            }}
          >
            {names.slice(item.index * nColumns, (item.index + 1) * nColumns).map(name => (
              <Card
                key={name}
                {...{ run, name, scales, curve: curves.get(name) }}
                isPinned={pinned.includes(name)}
                isTogether={together.includes(name)}
                onPin={() => onPin(name)}
                onTogether={() => onTogether(name)}
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
  readonly isTogether: boolean;
  readonly onPin: () => void;
  readonly onTogether: () => void;
}): JSX.Element {
  const { run, name, curve, scales, isPinned, isTogether, onPin, onTogether } = props;
  const trans = useTrans();
  const { axis, log, smoothing } = scales;
  const curves = useMemo(() => (curve ? [curve] : []), [curve]);
  const [series, zoom] = useLines(run, curves, axis, name);
  const last = run.metrics[name];
  const nPoints = curve?.n_points ?? 0;
  return (
    <section className="jp-Mlops-runCurve" aria-label={name}>
      <h3 title={name}>
        <bdi>{name}</bdi>
        <span className="jp-Mlops-runLast" title={String(last)}>
          {last === undefined ? '' : metric(last)}
        </span>
        <IconButton
          pressed={isTogether}
          label={trans.__('Draw %1 over others', name)}
          title={trans.__('Draw over others')}
          onClick={onTogether}
        >
          <svg width="16" height="16" viewBox="0 0 16 16" fill="none" strokeWidth="1.4" aria-hidden="true">
            <path d="M2 2V14H14M4.5 11C8 11 9 4.5 14 4.5M4.5 5.5C8 5.5 10 10 14 10.5" />
          </svg>
        </IconButton>
        <IconButton
          pressed={isPinned}
          label={trans.__('Keep %1 first', name)}
          title={trans.__('Keep first')}
          onClick={onPin}
        >
          {isPinned ? '★' : '☆'}
        </IconButton>
      </h3>
      {nPoints === 1 ? (
        <div className="jp-Mlops-runSingle">
          <strong>{last === undefined ? '' : metric(last)}</strong>
          <span className="jp-Mlops-quiet">{trans.__('one point')}</span>
        </div>
      ) : series.length ? (
        <Curves
          {...{ series, axis, log, smoothing, zoom }}
          height={CHART_HEIGHT}
          label={name}
          legend="place"
        />
      ) : null}
    </section>
  );
}
