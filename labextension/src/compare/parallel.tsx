/** Parallel coordinates: a line for each run over axes one chooses; a brush on an axis leaves out what lies beside it. */

import { memo, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Run } from '../api/types';
import { useKeptAs } from '../common/kept';
import { Button } from '../common/ui/button';
import { AxesMenu } from './axesmenu';
import { firstSources, keyOf, known, makeAxis, sourcesOf, valueOf } from './axes';
import type { Axis, Scale, Source } from './axes';
import { AxisMark } from './axismark';
import { brushed, passing } from './brush';
import type { Brushes } from './brush';
import { ColorKey, Tip, pictureOf, useHost, useWidth } from './chart';
import type { Pointed } from './chart';
import { ChooseSource } from './choose';
import { coloring } from './coloring';
import type { Compared } from './compared';
import { ExportPicture } from './exports';
import { readParallelLook } from './look';

const HEIGHT = 440;
const TOP = 46;
const BOTTOM = 18;
const SIDE = 70;
const ROOM = HEIGHT - TOP - BOTTOM;
/** What a brush leaves out has no colour of its own. */
const OUT_COLOR = 'var(--jp-ui-font-color3)';
/** Beyond that many lines, drawing all others fainter takes longer than anybody points at one. */
const MOST_FAINT = 1000;
/** Beyond that many axes the chart is wider than its tab, which scrolls. */
const LEAST_GAP = 96;

export interface ParallelProps {
  readonly compared: Compared;
  readonly onKeep: (ids: readonly string[]) => void;
}

export function Parallel({ compared, onKeep }: ParallelProps): JSX.Element {
  const trans = useTrans();
  const host = useHost();
  const width = useWidth(host, 800);
  const { runs, colorOf, labelOf } = compared;
  const sources = useMemo(() => sourcesOf(runs), [runs]);
  const first = useMemo(() => firstSources(runs), [runs]);
  const [look, setLook] = useKeptAs('compare-parallel', readParallelLook);
  const [brushes, setBrushes] = useState<Brushes>(new Map());
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const shown = useMemo(() => {
    const mine = look.axes?.filter(source => known(source, sources));
    // Of other runs' axes none may be left here; a person may also have taken all away.
    return mine && (mine.length || !look.axes?.length) ? mine : first;
  }, [look.axes, sources, first]);
  const colorBy = known(look.colorBy, sources);
  const axes = useMemo(() => axesOf(shown, runs, look.scales), [shown, runs, look.scales]);
  const kept = useMemo(() => passing(runs, axes, brushes), [runs, axes, brushes]);
  const colors = useMemo(
    () => coloring({ runs, colorOf, labelOf }, colorBy),
    [runs, colorOf, labelOf, colorBy]
  );
  const isBrushed = kept.length < runs.length;
  return (
    <div className="jp-Mlops-compareTab">
      <div className="jp-Mlops-compareTools">
        <AxesMenu
          sources={sources}
          axes={axes}
          onPick={axes => setLook({ ...look, axes })}
          onScale={(source, scale) =>
            setLook({ ...look, scales: { ...look.scales, [keyOf(source)]: scale } })
          }
        />
        <ChooseSource
          label={trans.__('Colour')}
          sources={sources}
          chosen={colorBy}
          onChoose={source => setLook({ ...look, colorBy: source })}
          none={trans.__('each run its own')}
        />
        <ExportPicture
          name="parallel-coordinates"
          make={() =>
            host.current &&
            pictureOf(
              host.current,
              trans.__('Parallel coordinates of %1 runs', kept.length),
              colors.legend,
              n => trans.__('and %1 more', n)
            )
          }
        />
        <span role="status">
          {isBrushed
            ? trans.__('%1 of %2 runs', kept.length, runs.length)
            : trans.__('Drag along an axis to filter.')}
        </span>
        {brushes.size > 0 && (
          <Button onClick={() => setBrushes(new Map())}>{trans.__('Clear filters')}</Button>
        )}
        {isBrushed && kept.length > 0 && (
          <Button onClick={() => onKeep(kept.map(run => run.id))}>{trans.__('Compare only these')}</Button>
        )}
      </div>
      <div className="jp-Mlops-chartHost" ref={host} onPointerLeave={() => setPointed(null)}>
        <Chart
          {...{ compared, axes, width, kept, brushes, colorOf: colors.colorOf }}
          label={trans.__('Parallel coordinates of %1 runs', runs.length)}
          onBrush={(key, range) => setBrushes(now => brushed(now, key, range))}
          onPoint={setPointed}
        />
        {pointed && <Tip pointed={pointed} compared={compared} sources={shown} width={width} />}
      </div>
      {colorBy && <ColorKey items={colors.legend} />}
    </div>
  );
}

function axesOf(
  sources: readonly Source[],
  runs: readonly Run[],
  scales: Readonly<Record<string, Scale>>
): readonly Axis[] {
  return sources.map(source =>
    makeAxis(
      source,
      runs.map(run => valueOf(run, source)),
      scales[keyOf(source)]
    )
  );
}

function Chart(props: {
  readonly compared: Compared;
  readonly axes: readonly Axis[];
  readonly width: number;
  readonly kept: readonly Run[];
  readonly brushes: Brushes;
  readonly colorOf: (run: Run) => string;
  readonly label: string;
  readonly onBrush: (key: string, range: readonly [number, number] | null) => void;
  readonly onPoint: (pointed: Pointed | null) => void;
}): JSX.Element {
  const { compared, axes, kept, brushes, colorOf, label, onBrush, onPoint } = props;
  const { runs, hot, setHot, openRun } = compared;
  const gap = Math.max(LEAST_GAP, (props.width - 2 * SIDE) / Math.max(1, axes.length - 1));
  const width = Math.max(300, 2 * SIDE + gap * Math.max(0, axes.length - 1));
  const passes = useMemo(() => new Set(kept.map(run => run.id)), [kept]);
  const above = runs.find(run => run.id === hot);
  const isFaint = above !== undefined && runs.length <= MOST_FAINT;
  return (
    <svg
      className={`jp-Mlops-chart${isFaint ? ' jp-mod-pointed' : ''}`}
      width={width}
      height={HEIGHT}
      role="group"
      aria-label={label}
    >
      <Lines {...{ runs, passes, axes, gap, colorOf, setHot, onPoint, openRun }} />
      {/* Above the others, as a copy: a line that moved under a finger would lose the tap. */}
      {above && (
        <path
          d={pathOf(above, axes, gap)}
          className="jp-Mlops-hotLine"
          style={{ stroke: passes.has(above.id) ? colorOf(above) : OUT_COLOR }}
        />
      )}
      {axes.map((axis, index) => (
        <AxisMark
          key={keyOf(axis.source)}
          axis={axis}
          x={SIDE + index * gap}
          top={TOP}
          room={ROOM}
          labelRoom={gap}
          range={brushes.get(keyOf(axis.source)) ?? null}
          onRange={range => onBrush(keyOf(axis.source), range)}
        />
      ))}
    </svg>
  );
}

/** The lines by themselves: ten thousand of them are not to be made anew when another one is pointed at. */
const Lines = memo(function Lines(props: {
  readonly runs: readonly Run[];
  readonly passes: ReadonlySet<string>;
  readonly axes: readonly Axis[];
  readonly gap: number;
  readonly colorOf: (run: Run) => string;
  readonly setHot: Compared['setHot'];
  readonly onPoint: (pointed: Pointed | null) => void;
  readonly openRun: Compared['openRun'];
}): JSX.Element {
  const { runs, passes, axes, gap, colorOf, setHot, onPoint, openRun } = props;
  const rank = (run: Run): number => (passes.has(run.id) ? 1 : 0);
  const sorted = [...runs].sort((a, b) => rank(a) - rank(b));
  return (
    <>
      {sorted.map(run => {
        const path = pathOf(run, axes, gap);
        return (
          // A run is opened by keyboard from the list of runs above, which also points at it here.
          <g
            key={run.id}
            className={`jp-Mlops-compareLine${passes.has(run.id) ? '' : ' jp-mod-out'}`}
            data-run={run.id}
            onPointerEnter={event => {
              setHot(run.id);
              const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
              onPoint({ runs: [run], x: event.clientX - (box?.x ?? 0), y: event.clientY - (box?.y ?? 0) });
            }}
            onPointerLeave={() => {
              setHot(null);
              onPoint(null);
            }}
            onClick={() => openRun(run.id)}
          >
            <path d={path} className="jp-Mlops-lineTarget" data-picture="no" />
            <path d={path} style={{ stroke: colorOf(run) }} />
          </g>
        );
      })}
    </>
  );
});

function pathOf(run: Run, axes: readonly Axis[], gap: number): string {
  const points = axes.map((axis, index) => {
    const down = TOP + (1 - axis.place(valueOf(run, axis.source))) * ROOM;
    return `${(SIDE + index * gap).toFixed(1)} ${down.toFixed(1)}`;
  });
  // One axis alone: a short stroke, since a line needs two points.
  return points.length === 1 ? `M${points[0] ?? ''}h12` : `M${points.join('L')}`;
}
