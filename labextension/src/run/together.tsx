/** Metrics of a run over each other, in one chart. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Run } from '../api/types';
import { Button } from '../common/ui/button';
import { Curves } from '../curves/panel';
import type { Scales } from './cards';
import { useLines } from './lines';
import { useCurves } from './queries';

const HEIGHT = 240;
/** As many as one question may be about. */
const MOST = 100;

export function Together(props: {
  readonly run: Run;
  readonly stamp: number;
  readonly scales: Scales;
  readonly names: readonly string[];
  readonly onClear: () => void;
}): JSX.Element {
  const { run, stamp, scales, names, onClear } = props;
  const { axis, log, smoothing } = scales;
  const trans = useTrans();
  const groups = useMemo(() => [names.slice(0, MOST)], [names]);
  const found = useCurves(run.id, groups, axis === 'step' ? 'step' : 'time', stamp);
  const curves = useMemo(() => names.flatMap(name => found.get(name) ?? []), [names, found]);
  const [series, zoom] = useLines(run, curves, axis, 'together');
  return (
    <section
      className="jp-Mlops-runCurve jp-Mlops-runTogether"
      aria-label={trans.__('Metrics over each other')}
    >
      <h3>
        <span>
          {names.length > 1
            ? trans._n('%1 metric', '%1 metrics over each other', names.length)
            : trans.__('Choose another metric below to draw it over this one')}
        </span>
        <Button onClick={onClear}>{trans.__('Clear')}</Button>
      </h3>
      <Curves
        {...{ series, axis, log, smoothing, zoom }}
        height={HEIGHT}
        label={trans.__('Metrics over each other')}
      />
    </section>
  );
}
