/** A metric of all runs over each other. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Run } from '../api/types';
import { useKeptAs } from '../common/kept';
import { useSettled } from '../common/settled';
import { Busy, Empty, Stale } from '../common/ui/states';
import type { Line, XAxis } from '../curves/model';
import { Curves as CurvesChart } from '../curves/panel';
import { isExact, lineOf, spanOf, spliced } from '../curves/record';
import { useZoom } from '../curves/zoom';
import type { ZoomState } from '../curves/zoom';
import { useHost } from './chart';
import { resolved } from './colors';
import type { Compared } from './compared';
import { ExportPicture } from './exports';
import { readCurvesLook } from './look';
import type { CurvesLook } from './look';
import { metricLines, shorten } from './model';
import { draw } from './picture';
import { useCurveParts, useCurves } from './queries';

/** Points of all curves together: more cannot be told apart, and hundreds of runs are to be drawn at once. */
const MOST_POINTS = 60_000;
const MOST_BUCKETS = 1000;
/** Curves of more are one stain, which takes many seconds to draw. */
const MOST_CURVES = 1000;
/** Bands of more curves would cover each other. */
const MOST_BANDS = 8;
const HEIGHT = 420;
const HIGHEST_SMOOTHING = 0.99;
const ZOOMED_MS = 150;

export function RunCurves({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const host = useHost();
  const { runs, directionOf } = compared;
  const names = useMemo(() => metricLines(runs, directionOf).map(line => line.name), [runs, directionOf]);
  const [look, setLook] = useKeptAs('compare-curves', readCurvesLook);
  const { axis, log, smoothing } = look;
  const name = look.name !== null && names.includes(look.name) ? look.name : (names[0] ?? '');
  const having = useMemo(() => runs.filter(run => run.metrics[name] !== undefined), [runs, name]);
  const drawn = useMemo(() => having.slice(0, MOST_CURVES), [having]);
  const { series, zoom, isLoading, error } = useSeries(drawn, name, axis, compared);
  if (!names.length) {
    return <Empty title={trans.__('These runs have logged no metric.')} />;
  }
  const more = (n: number): string => trans.__('and %1 more', n);
  return (
    <div className="jp-Mlops-compareTab">
      <div className="jp-Mlops-compareTools">
        <Tools {...{ names, name, look }} onLook={setLook} />
        <ExportPicture name="curves" make={() => pictureOf(host.current, name, series, more)} />
      </div>
      <Stale error={error} />
      {drawn.length < having.length && (
        <p className="jp-Mlops-compareQuiet">
          {trans.__(
            'Only the first %1 of %2 curves are drawn: more could not be told apart.',
            drawn.length.toLocaleString(),
            having.length.toLocaleString()
          )}
        </p>
      )}
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
            zoom={zoom}
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

interface Series {
  readonly series: readonly Line[];
  readonly zoom: ZoomState;
  readonly isLoading: boolean;
  readonly error: unknown;
}

/** The curves of runs that have a metric, finer where one has zoomed into them. */
function useSeries(runs: readonly Run[], name: string, axis: XAxis, compared: Compared): Series {
  const { labelOf, colorOf } = compared;
  const ids = useMemo(() => runs.map(run => run.id), [runs]);
  const nBuckets = Math.max(100, Math.min(MOST_BUCKETS, Math.floor(MOST_POINTS / Math.max(1, ids.length))));
  const asked = axis === 'step' ? 'step' : 'time';
  const { values, isLoading, error } = useCurves(ids, name, asked, nBuckets);
  const zoom = useZoom(`compare ${axis} ${name}`);
  const span = useSettled(zoom[0], ZOOMED_MS);
  // Time since the first point begins at another place for each run.
  const origins = useMemo(
    () => new Map([...values].map(([id, { at }]) => [id, axis === 'elapsed' ? (at[0] ?? 0) : 0])),
    [values, axis]
  );
  const coarse = useMemo(() => {
    const some = [...values].flatMap(([id, curve]) => (isExact(curve) ? [] : [id]));
    return new Map(some.map(id => [id, origins.get(id) ?? 0]));
  }, [values, origins]);
  const { values: parts } = useCurveParts(coarse, name, asked, nBuckets, span);
  const series = useMemo(
    () =>
      ids.flatMap(id => {
        const curve = values.get(id);
        const origin = origins.get(id) ?? 0;
        const fine = span && curve ? spliced(curve, parts.get(id), spanOf(span, origin)) : curve;
        const line = { id, label: shorten(labelOf(id), 80), color: colorOf(id) };
        return fine ? [lineOf(fine, line, { origin, hasBand: ids.length <= MOST_BANDS })] : [];
      }),
    [ids, values, parts, span, origins, labelOf, colorOf]
  );
  return { series, zoom, isLoading, error };
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

function Tools(props: {
  readonly names: readonly string[];
  readonly name: string;
  readonly look: CurvesLook;
  readonly onLook: (look: CurvesLook) => void;
}): JSX.Element {
  const { names, name, look, onLook } = props;
  const trans = useTrans();
  return (
    <>
      <label className="jp-Mlops-choose">
        {trans.__('Metric')}
        <select
          className="jp-Mlops-compareInput"
          value={name}
          onChange={event => onLook({ ...look, name: event.target.value })}
        >
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
          onChange={event => onLook({ ...look, axis: event.target.value as XAxis })}
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
