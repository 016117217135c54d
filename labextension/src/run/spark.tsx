/** The key metrics of a run: last value, and the shape of the curve. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Curve, Run } from '../api/types';
import { metric } from '../common/format';
import { useCurves } from './queries';

const WIDTH = 120;
const HEIGHT = 22;

export function Spark(props: {
  readonly run: Run;
  readonly names: readonly string[];
  readonly stamp: number;
}): JSX.Element {
  const { run, names, stamp } = props;
  const trans = useTrans();
  const groups = useMemo(() => [names], [names]);
  const curves = useCurves(run.id, groups, 'step', stamp);
  // What was logged once has neither range nor curve: no columns for nothing.
  const hasCurves = names.some(name => (curves.get(name)?.n_points ?? 0) > 1);
  return (
    <table className="jp-Mlops-runMetrics">
      <thead>
        <tr>
          <th scope="col">{trans.__('Name')}</th>
          <th scope="col">{trans.__('Last')}</th>
          {hasCurves && (
            <>
              <th scope="col">{trans.__('Lowest')}</th>
              <th scope="col">{trans.__('Highest')}</th>
              <th scope="col">{trans.__('Curve')}</th>
            </>
          )}
        </tr>
      </thead>
      <tbody>
        {names.map(name => {
          const curve = curves.get(name);
          const range = curve && curve.n_points > 1 ? rangeOf(curve) : null;
          const last = run.metrics[name];
          return (
            <tr key={name}>
              <th scope="row" title={name}>
                <bdi>{name}</bdi>
              </th>
              <td title={String(last)}>{last === undefined ? '' : metric(last)}</td>
              {hasCurves && (
                <>
                  <td>{range && metric(range[0])}</td>
                  <td>{range && metric(range[1])}</td>
                  <td>{range && curve && <Line curve={curve} />}</td>
                </>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function rangeOf(curve: Curve): readonly [number, number] | null {
  const lows = curve.low.filter(value => typeof value === 'number');
  const highs = curve.high.filter(value => typeof value === 'number');
  return lows.length ? [Math.min(...lows), Math.max(...highs)] : null;
}

/** The curve in a few strokes, with gaps where there is no number. */
function Line({ curve }: { readonly curve: Curve }): JSX.Element | null {
  const path = sparkPath(curve, WIDTH, HEIGHT);
  return (
    <svg className="jp-Mlops-runSpark" width={WIDTH} height={HEIGHT} aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

export function sparkPath(curve: Curve, width: number, height: number): string {
  const at = curve.at;
  const [low, high] = rangeOf(curve) ?? [0, 1];
  const [first = 0, last = 1] = [at[0], at[at.length - 1]];
  const pad = 2;
  let isDown = false;
  const steps = curve.last.map((value, i) => {
    if (typeof value !== 'number') {
      isDown = false;
      return '';
    }
    const x = pad + ((at[i] ?? 0) - first) * ((width - 2 * pad) / (last - first || 1));
    // Halves: the span of huge values has no number.
    const up = high > low ? (value / 2 - low / 2) / (high / 2 - low / 2) : 0.5;
    const y = height - pad - up * (height - 2 * pad);
    const step = `${isDown ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    isDown = true;
    return step;
  });
  return steps.join('');
}
