/** A metric of all runs over each other. */

import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Curve } from '../api/types';
import { Busy, Empty, Stale } from '../common/ui/states';
import type { Line, XAxis } from '../curves/model';
import { Curves as CurvesChart } from '../curves/panel';
import { useHost } from './chart';
import { resolved } from './colors';
import type { Compared } from './compared';
import { ExportPicture } from './exports';
import { metricLines, numberOf, shorten } from './model';
import { draw } from './picture';
import { useCurves } from './queries';

/** Points of all curves together: more cannot be told apart, and hundreds of runs are to be drawn at once. */
const MOST_POINTS = 60_000;
const MOST_BUCKETS = 1000;
/** Bands of more curves would cover each other. */
const MOST_BANDS = 8;
const HEIGHT = 420;
const HIGHEST_SMOOTHING = 0.99;

/** How the chart is drawn. */
interface Look {
  readonly axis: XAxis;
  readonly log: boolean;
  readonly smoothing: number;
}

export function RunCurves({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const host = useHost();
  const { runs, labelOf, colorOf, directionOf } = compared;
  const names = useMemo(() => metricLines(runs, directionOf).map(line => line.name), [runs, directionOf]);
  const [picked, setPicked] = useState<string | null>(null);
  const [look, setLook] = useState<Look>({ axis: 'step', log: false, smoothing: 0 });
  const { axis, log, smoothing } = look;
  const name = picked !== null && names.includes(picked) ? picked : (names[0] ?? '');
  const having = runs.filter(run => run.metrics[name] !== undefined);
  const nBuckets = Math.max(
    100,
    Math.min(MOST_BUCKETS, Math.floor(MOST_POINTS / Math.max(1, having.length)))
  );
  const { values, isLoading, error } = useCurves(
    having.map(run => run.id),
    name,
    axis === 'step' ? 'step' : 'time',
    nBuckets
  );
  const series = useMemo(
    () =>
      having.flatMap(run => {
        const curve = values.get(run.id);
        const label = shorten(labelOf(run.id), 80);
        const line = { id: run.id, label, color: colorOf(run.id) };
        return curve ? [lineOf(curve, line, axis === 'elapsed', having.length <= MOST_BANDS)] : [];
      }),
    // What the rest is made from: `having` is another list each time.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [values, runs, name, axis, labelOf, colorOf]
  );
  if (!names.length) {
    return <Empty title={trans.__('These runs have logged no metric.')} />;
  }
  const more = (n: number): string => trans.__('and %1 more', n);
  return (
    <div className="jp-Mlops-compareTab">
      <div className="jp-Mlops-compareTools">
        <Tools {...{ names, name, look }} onPick={setPicked} onLook={setLook} />
        <ExportPicture name="curves" make={() => pictureOf(host.current, name, series, more)} />
      </div>
      <Stale error={error} />
      <div ref={host} className="jp-Mlops-compareCurves">
        {isLoading && !series.length ? (
          <Busy label={trans.__('Reading the curves')} />
        ) : (
          <CurvesChart
            series={series}
            axis={axis}
            log={log}
            smoothing={smoothing}
            height={HEIGHT}
            label={trans.__('%1 of %2 runs', shorten(name, 60), series.length)}
            zoomKey={`compare ${axis} ${name}`}
          />
        )}
      </div>
      {having.length < runs.length && (
        <p className="jp-Mlops-compareQuiet">
          {trans._n(
            '%1 run has no %2.',
            '%1 runs have no %2.',
            runs.length - having.length,
            shorten(name, 60)
          )}
        </p>
      )}
    </div>
  );
}

/** Return the chart that uPlot has drawn in an element, with a legend of its lines. */
function pictureOf(
  host: HTMLElement | null,
  title: string,
  lines: readonly Line[],
  more: (n: number) => string
): Promise<Blob> | null {
  const image = host?.querySelector('canvas');
  if (!host || !image) {
    return null;
  }
  const { width, height } = image.getBoundingClientRect();
  const legend = lines.map(line => ({ color: resolved(line.color ?? '', host), label: line.label }));
  return draw({ title, width, height, image, legend, more }, host);
}

function lineOf(
  curve: Curve,
  { id, label, color }: Pick<Line, 'id' | 'label' | 'color'>,
  fromFirst: boolean,
  hasBand: boolean
): Line {
  const first = fromFirst ? (curve.at[0] ?? 0) : 0;
  return {
    id,
    label,
    ...(color !== undefined && { color }),
    x: curve.at.map(at => at - first),
    y: curve.last.map(numberOf),
    ...(hasBand && { low: curve.low.map(numberOf), high: curve.high.map(numberOf) })
  };
}

function Tools(props: {
  readonly names: readonly string[];
  readonly name: string;
  readonly look: Look;
  readonly onPick: (name: string) => void;
  readonly onLook: (look: Look) => void;
}): JSX.Element {
  const { names, name, look, onPick, onLook } = props;
  const trans = useTrans();
  return (
    <>
      <label className="jp-Mlops-choose">
        {trans.__('Metric')}
        <select className="jp-Mlops-compareInput" value={name} onChange={event => onPick(event.target.value)}>
          {names.map(one => (
            <option key={one} value={one}>
              {shorten(one, 60)}
            </option>
          ))}
        </select>
      </label>
      <label className="jp-Mlops-choose">
        {trans.__('Axis')}
        <select
          className="jp-Mlops-compareInput"
          value={look.axis}
          onChange={event => onLook({ ...look, axis: event.target.value as Look['axis'] })}
        >
          <option value="step">{trans.__('step')}</option>
          <option value="elapsed">{trans.__('time since the first point')}</option>
          <option value="time">{trans.__('time of day')}</option>
        </select>
      </label>
      <label className="jp-Mlops-check">
        <input
          type="checkbox"
          checked={look.log}
          onChange={event => onLook({ ...look, log: event.target.checked })}
        />
        {trans.__('logarithmic')}
      </label>
      <label className="jp-Mlops-choose">
        {trans.__('Smoothing')}
        <input
          type="range"
          min={0}
          max={HIGHEST_SMOOTHING}
          step={0.01}
          value={look.smoothing}
          aria-valuetext={String(look.smoothing)}
          onChange={event => onLook({ ...look, smoothing: Number(event.target.value) })}
        />
        <span className="jp-Mlops-compareQuiet">{look.smoothing.toFixed(2)}</span>
      </label>
    </>
  );
}
