/** One axis of parallel coordinates, with its brush: dragged by mouse, moved at both ends by keyboard. */

import { useRef } from 'react';
import type { JSX, KeyboardEvent, PointerEvent } from 'react';

import { useTrans } from '../api/context';
import type { Axis } from './axes';
import { moved } from './brush';
import type { Range } from './brush';
import { sourceName } from './choose';
import { shorten } from './model';

const BRUSH = 22;
/** A drag shorter than this is a click, which takes the brush away. */
const LEAST = 0.012;
const SNAP = 0.02;
const LETTER = 7;
const TICK_LETTERS = 11;
const MOST_TICKS = 24;

export function AxisMark(props: {
  readonly axis: Axis;
  readonly x: number;
  readonly top: number;
  readonly room: number;
  /** How wide its name may be. */
  readonly labelRoom: number;
  readonly range: Range | null;
  readonly onRange: (range: Range | null) => void;
}): JSX.Element {
  const { axis, x, top, room, labelRoom, range, onRange } = props;
  const trans = useTrans();
  const name = sourceName(axis.source, trans);
  const down = (at: number): number => top + (1 - at) * room;
  const every = Math.ceil(axis.ticks.length / MOST_TICKS);
  const letters = Math.max(4, Math.floor(labelRoom / LETTER));
  return (
    <g className="jp-Mlops-axis">
      <text className="jp-mod-title" x={x} y={top - 26} textAnchor="middle">
        {shorten(name, letters)}
        <title>{shorten(name, 500)}</title>
      </text>
      <line x1={x} x2={x} y1={top} y2={top + room} />
      {axis.ticks.map(({ at, label }, index) => (
        <g key={at}>
          <line x1={x - 4} x2={x} y1={down(at)} y2={down(at)} />
          {index % every === 0 && (
            <text className="jp-mod-tick" x={x - 7} y={down(at)} textAnchor="end" dominantBaseline="central">
              {shorten(label, TICK_LETTERS)}
            </text>
          )}
        </g>
      ))}
      <Brush {...{ x, top, room, range, onRange, down }} name={shorten(name, 60)} />
    </g>
  );
}

function Brush(props: {
  readonly name: string;
  readonly x: number;
  readonly top: number;
  readonly room: number;
  readonly range: Range | null;
  readonly onRange: (range: Range | null) => void;
  readonly down: (at: number) => number;
}): JSX.Element {
  const { name, x, top, room, range, onRange, down } = props;
  const began = useRef<number | null>(null);
  const at = (event: PointerEvent<SVGRectElement>): number => {
    const box = event.currentTarget.getBoundingClientRect();
    const place = 1 - (event.clientY - box.top) / (box.height || 1);
    // The ends are where most values lie: near them means at them.
    return place > 1 - SNAP ? 1 : place < SNAP ? 0 : place;
  };
  const drag = (event: PointerEvent<SVGRectElement>): void => {
    if (began.current !== null) {
      const now = at(event);
      onRange([Math.min(began.current, now), Math.max(began.current, now)]);
    }
  };
  const end = (event: PointerEvent<SVGRectElement>): void => {
    if (began.current !== null && Math.abs(at(event) - began.current) < LEAST) {
      onRange(null);
    }
    began.current = null;
  };
  const [low, high] = range ?? [0, 1];
  return (
    <>
      {range && (
        <rect
          className="jp-Mlops-brush"
          x={x - BRUSH / 2}
          width={BRUSH}
          y={down(high)}
          height={Math.max(2, down(low) - down(high))}
        />
      )}
      <rect
        className="jp-Mlops-brushRoom"
        data-picture="no"
        x={x - BRUSH / 2}
        width={BRUSH}
        y={top}
        height={room}
        onPointerDown={event => {
          event.currentTarget.setPointerCapture(event.pointerId);
          began.current = at(event);
        }}
        onPointerMove={drag}
        onPointerUp={end}
      />
      {([1, 0] as const).map(side => (
        <Handle key={side} {...{ name, x, side, range: [low, high], onRange, down }} />
      ))}
    </>
  );
}

/** One end of a brush, for the keyboard; where there is no brush yet it begins at the end of the axis. */
function Handle(props: {
  readonly name: string;
  readonly x: number;
  readonly side: 0 | 1;
  readonly range: Range;
  readonly onRange: (range: Range | null) => void;
  readonly down: (at: number) => number;
}): JSX.Element {
  const { name, x, side, range, onRange, down } = props;
  const trans = useTrans();
  const percent = Math.round(range[side] * 100);
  const onKeyDown = (event: KeyboardEvent): void => {
    const next = moved(range, side, event.key);
    if (next !== undefined) {
      event.preventDefault();
      event.stopPropagation();
      onRange(next);
    }
  };
  return (
    <rect
      className="jp-Mlops-brushEnd"
      data-picture="no"
      x={x - BRUSH / 2}
      width={BRUSH}
      y={down(range[side]) - 2}
      height={4}
      role="slider"
      tabIndex={0}
      aria-orientation="vertical"
      aria-label={
        side ? trans.__('%1: upper end of the filter', name) : trans.__('%1: lower end of the filter', name)
      }
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
      aria-valuetext={trans.__('%1% of the axis', percent)}
      onKeyDown={onKeyDown}
    />
  );
}
