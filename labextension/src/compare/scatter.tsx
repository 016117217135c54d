/** Runs as points: x, y and colour are what one chooses; a click opens the run. */

import { memo, useCallback, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Run } from '../api/types';
import { useKeptAs } from '../common/kept';
import { firstSources, keyOf, known, makeAxis, sourcesOf, valueOf } from './axes';
import type { Axis } from './axes';
import { ColorKey, Tip, pictureOf, useHost, useWidth } from './chart';
import type { Pointed } from './chart';
import { ChooseScale, ChooseSource, sourceName } from './choose';
import { coloring } from './coloring';
import type { Compared } from './compared';
import { ExportPicture } from './exports';
import { readScatterLook } from './look';
import type { Choice } from './look';
import { shorten } from './model';

const HEIGHT = 440;
const MARGIN = { left: 76, right: 24, top: 16, bottom: 46 };
/** Points nearer than this are told together: one hides the other. */
const NEAR = 4;
const TICK_LETTERS = 11;

export function Scatter({ compared }: { readonly compared: Compared }): JSX.Element {
  const trans = useTrans();
  const host = useHost();
  const width = useWidth(host, 800);
  const { runs, colorOf, labelOf } = compared;
  const sources = useMemo(() => sourcesOf(runs), [runs]);
  const first = useMemo(() => defaults(runs), [runs]);
  const [look, setLook] = useKeptAs('compare-scatter', readScatterLook);
  const colorBy = known(look.colorBy, sources);
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const xChoice = look.x && known(look.x.source, sources) ? look.x : first[0];
  const yChoice = look.y && known(look.y.source, sources) ? look.y : first[1];
  const xAxis = useMemo(() => axisOf(xChoice, runs), [xChoice, runs]);
  const yAxis = useMemo(() => axisOf(yChoice, runs), [yChoice, runs]);
  const colors = useMemo(
    () => coloring({ runs, colorOf, labelOf }, colorBy),
    [runs, colorOf, labelOf, colorBy]
  );
  const names = [xAxis, yAxis].map(axis => sourceName(axis.source, trans));
  const shown = [xAxis.source, yAxis.source, ...(colorBy ? [colorBy] : [])];
  const chosen = [...new Map(shown.map(source => [keyOf(source), source])).values()];
  return (
    <div className="jp-Mlops-compareTab">
      <div className="jp-Mlops-compareTools">
        <ChooseSource
          label={trans.__('x')}
          sources={sources}
          chosen={xAxis.source}
          onChoose={source => setLook({ ...look, x: source && { source } })}
        />
        <ChooseScale
          label={trans.__('Scale of x')}
          scales={xAxis.scales}
          chosen={xAxis.scale}
          onChoose={scale => setLook({ ...look, x: { source: xAxis.source, scale } })}
        />
        <ChooseSource
          label={trans.__('y')}
          sources={sources}
          chosen={yAxis.source}
          onChoose={source => setLook({ ...look, y: source && { source } })}
        />
        <ChooseScale
          label={trans.__('Scale of y')}
          scales={yAxis.scales}
          chosen={yAxis.scale}
          onChoose={scale => setLook({ ...look, y: { source: yAxis.source, scale } })}
        />
        <ChooseSource
          label={trans.__('Colour')}
          sources={sources}
          chosen={colorBy}
          onChoose={source => setLook({ ...look, colorBy: source })}
          none={trans.__('each run its own')}
        />
        <ExportPicture
          name="scatter"
          make={() =>
            host.current &&
            pictureOf(host.current, trans.__('%1 over %2', names[1], names[0]), colors.legend, n =>
              trans.__('and %1 more', n)
            )
          }
        />
      </div>
      <div className="jp-Mlops-chartHost" ref={host} onPointerLeave={() => setPointed(null)}>
        <Points
          {...{ compared, width, xAxis, yAxis, colorOf: colors.colorOf }}
          label={trans.__('%1 over %2 of %3 runs', names[1], names[0], runs.length)}
          onPoint={setPointed}
        />
        {pointed && <Tip pointed={pointed} compared={compared} sources={chosen} width={width} />}
      </div>
      {colorBy && <ColorKey items={colors.legend} />}
    </div>
  );
}

function axisOf({ source, scale }: Choice, runs: readonly Run[]): Axis {
  return makeAxis(
    source,
    runs.map(run => valueOf(run, source)),
    scale
  );
}

/** Return a parameter that differs over a metric that does: what one looks for first. */
function defaults(runs: readonly Run[]): readonly [Choice, Choice] {
  const some = firstSources(runs);
  const metrics = some.filter(source => source.kind === 'metric');
  const y = metrics[0] ?? ({ kind: 'fact', name: 'took' } as const);
  const x =
    some.find(source => source.kind === 'param') ??
    metrics[1] ??
    ({ kind: 'fact', name: 'started' } as const);
  return [{ source: x }, { source: y }];
}

function Points(props: {
  readonly compared: Compared;
  readonly width: number;
  readonly xAxis: Axis;
  readonly yAxis: Axis;
  readonly colorOf: (run: Run) => string;
  readonly label: string;
  readonly onPoint: (pointed: Pointed | null) => void;
}): JSX.Element {
  const { compared, width, xAxis, yAxis, colorOf, label, onPoint } = props;
  const { runs, hot, setHot, openRun } = compared;
  const room = useMemo(
    () => ({
      x: Math.max(100, width - MARGIN.left - MARGIN.right),
      y: HEIGHT - MARGIN.top - MARGIN.bottom
    }),
    [width]
  );
  // A little within the frame, so that no point is cut.
  const across = useCallback((at: number) => MARGIN.left + (0.02 + 0.96 * at) * room.x, [room]);
  const down = useCallback((at: number) => MARGIN.top + (1 - (0.02 + 0.96 * at)) * room.y, [room]);
  const points = useMemo(
    () =>
      runs.map(run => ({
        run,
        x: across(xAxis.place(valueOf(run, xAxis.source))),
        y: down(yAxis.place(valueOf(run, yAxis.source)))
      })),
    [runs, xAxis, yAxis, across, down]
  );
  const above = points.find(({ run }) => run.id === hot);
  return (
    <svg className="jp-Mlops-chart" width={width} height={HEIGHT} role="group" aria-label={label}>
      <Frame {...{ xAxis, yAxis, across, down, room }} />
      <Dots {...{ points, colorOf, setHot, onPoint, openRun }} />
      {/* Above the others, as a copy: a point that moved under a finger would lose the tap. */}
      {above && (
        <circle
          cx={above.x}
          cy={above.y}
          r={7}
          className="jp-Mlops-hotPoint"
          style={{ fill: colorOf(above.run) }}
        />
      )}
    </svg>
  );
}

interface Dot {
  readonly run: Run;
  readonly x: number;
  readonly y: number;
}

/** The points by themselves: ten thousand of them are not to be made anew when another one is pointed at. */
const Dots = memo(function Dots(props: {
  readonly points: readonly Dot[];
  readonly colorOf: (run: Run) => string;
  readonly setHot: Compared['setHot'];
  readonly onPoint: (pointed: Pointed | null) => void;
  readonly openRun: Compared['openRun'];
}): JSX.Element {
  const { points, colorOf, setHot, onPoint, openRun } = props;
  return (
    <>
      {points.map(({ run, x, y }) => (
        // A run is opened by keyboard from the list of runs above, which also points at it here.
        <g
          key={run.id}
          className="jp-Mlops-point"
          data-run={run.id}
          onPointerEnter={() => {
            setHot(run.id);
            const near = points.filter(one => Math.hypot(one.x - x, one.y - y) < NEAR && one.run !== run);
            onPoint({ runs: [run, ...near.map(one => one.run)], x, y });
          }}
          onPointerLeave={() => {
            setHot(null);
            onPoint(null);
          }}
          onClick={() => openRun(run.id)}
        >
          <circle cx={x} cy={y} r={10} className="jp-Mlops-pointTarget" data-picture="no" />
          <circle cx={x} cy={y} r={5} style={{ fill: colorOf(run) }} />
        </g>
      ))}
    </>
  );
});

function Frame(props: {
  readonly xAxis: Axis;
  readonly yAxis: Axis;
  readonly across: (at: number) => number;
  readonly down: (at: number) => number;
  readonly room: { readonly x: number; readonly y: number };
}): JSX.Element {
  const { xAxis, yAxis, across, down, room } = props;
  const trans = useTrans();
  const right = MARGIN.left + room.x;
  const bottom = MARGIN.top + room.y;
  // No more labels than find room side by side.
  const every = Math.ceil((xAxis.ticks.length * 76) / room.x);
  return (
    <g className="jp-Mlops-axis">
      {yAxis.ticks.map(({ at, label }) => (
        <g key={at}>
          <line className="jp-mod-grid" x1={MARGIN.left} x2={right} y1={down(at)} y2={down(at)} />
          <text x={MARGIN.left - 8} y={down(at)} textAnchor="end" dominantBaseline="central">
            {shorten(label, TICK_LETTERS)}
          </text>
        </g>
      ))}
      {xAxis.ticks.map(({ at, label }, index) => (
        <g key={at}>
          <line className="jp-mod-grid" x1={across(at)} x2={across(at)} y1={MARGIN.top} y2={bottom} />
          {index % every === 0 && (
            <text x={across(at)} y={bottom + 16} textAnchor="middle">
              {shorten(label, TICK_LETTERS)}
            </text>
          )}
        </g>
      ))}
      <text className="jp-mod-title" x={MARGIN.left + room.x / 2} y={HEIGHT - 8} textAnchor="middle">
        {shorten(sourceName(xAxis.source, trans), 60)}
      </text>
      <text
        className="jp-mod-title"
        transform={`translate(14 ${MARGIN.top + room.y / 2}) rotate(-90)`}
        textAnchor="middle"
      >
        {shorten(sourceName(yAxis.source, trans), 50)}
      </text>
    </g>
  );
}
