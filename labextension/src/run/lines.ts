/** The curves of one chart of a run, finer where one has zoomed into them. */

import { useMemo } from 'react';

import type { Curve, Run } from '../api/types';
import { useSettled } from '../common/settled';
import type { Line, XAxis } from '../curves/model';
import { isExact, lineOf, spanOf, spliced } from '../curves/record';
import type { ZoomState } from '../curves/zoom';
import { useZoom } from '../curves/zoom';
import { originOf } from './model';
import { useCurvePart } from './queries';

const ZOOMED_MS = 150;

/** Return the lines that a chart draws, and the zoom that it is to be given. `name` is the chart's, among the run's. */
export function useLines(
  run: Run,
  curves: readonly Curve[],
  axis: XAxis,
  name: string
): readonly [readonly Line[], ZoomState] {
  const zooming = useZoom(`${run.id} ${axis} ${name}`);
  const [zoom] = zooming;
  const origin = originOf(run, axis);
  const wanted = useMemo(() => zoom && spanOf(zoom, origin), [zoom, origin]);
  const span = useSettled(wanted, ZOOMED_MS);
  const coarse = curves.filter(curve => !isExact(curve)).map(curve => curve.key);
  const parts = useCurvePart(run.id, coarse, axis === 'step' ? 'step' : 'time', span);
  const lines = useMemo(
    () =>
      curves.map(curve =>
        lineOf(
          spliced(curve, parts.get(curve.key), span),
          { id: curve.key, label: curve.key },
          // Where each entry is one point there is no band, also where that is no number.
          { origin, hasBand: !isExact(curve) }
        )
      ),
    [curves, parts, span, origin]
  );
  return [lines, zooming];
}
