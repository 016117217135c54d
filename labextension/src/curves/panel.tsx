/** Curves over each other in one chart, live: what is zoomed into stays so while points are added. */

import '../../style/curves.css';

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { JSX, KeyboardEvent, MutableRefObject } from 'react';

import { useTrans } from '../api/context';
import { CursorStore, Legend, Place, placeName, valuesAt, valueText } from './legend';
import { axisFor, drawingOf, extent, LARGEST, zoomed } from './model';
import type { Drawing, Line, XAxis, Zoom } from './model';
import { curveColor, useTheme } from './palette';
import { Plot } from './plot';
import { useZoom } from './zoom';
import type { ZoomState } from './zoom';

export interface CurvesProps {
  readonly series: readonly Line[];
  readonly axis?: XAxis;
  readonly log?: boolean;
  /** 0 for none, up to 0.99. */
  readonly smoothing?: number;
  readonly height?: number;
  /** How much of the axis is shown at least, up to the last point: what moves on stands still while it fills. */
  readonly span?: number;
  /** Names the chart for who does not see it. */
  readonly label: string;
  /** Under which the zoom is kept when the chart goes away and comes back. */
  readonly zoomKey?: string;
  /** Names and values of all curves, or for one curve that its heading names only the place and value at the cursor. */
  readonly legend?: boolean | 'place';
  /** Whether places without a number are marked; not where there is simply nothing to tell. */
  readonly gapMarks?: boolean;
  /** Instead, where whoever draws the chart fetches what is zoomed into more finely: what `useZoom` returned there. */
  readonly zoom?: ZoomState;
}

/** Curves whose values are said: nobody listens to more. */
const MOST_SAID = 50;

export function Curves(props: CurvesProps): JSX.Element {
  const { series, log = false, smoothing = 0, height = 220, span = 0, label, legend = true } = props;
  const axis = axisFor(props.axis ?? 'step', series);
  const { gapMarks = true } = props;
  const trans = useTrans();
  const own = useZoom(props.zoomKey);
  const [zoom, onZoom] = props.zoom ?? own;
  const [off, setOff] = useState<ReadonlySet<string>>(new Set());
  const [cursor] = useState(() => new CursorStore());
  const drawing = useMemo(() => {
    const made = drawingOf(series, smoothing, log);
    const none = { gaps: made.gaps.map(() => []), tooLarge: made.tooLarge.map(() => 0) };
    return gapMarks ? made : { ...made, ...none, isQuiet: true };
  }, [series, smoothing, log, gapMarks]);
  const hidden = useMemo(
    () => new Set(series.flatMap((line, i) => (off.has(line.id) ? [i] : []))),
    [series, off]
  );
  const [host, plot] = usePlot({ series, drawing, axis, log, height, span, zoom, hidden, cursor, onZoom });
  const toggle = (line: number): void => {
    const id = series[line]?.id ?? '';
    setOff(new Set(off.has(id) ? [...off].filter(one => one !== id) : [...off, id]));
  };
  return (
    <figure className="jp-Mlops-curves" aria-label={label}>
      <Canvas {...{ host, plot, drawing, axis, label, zoom, onZoom, cursor, series, height, span }} />
      {zoom && (
        <button type="button" className="jp-Mlops-curvesReset" onClick={() => onZoom(null)}>
          {trans.__('Show all')}
        </button>
      )}
      {legend === 'place' && <Place {...{ drawing, axis, cursor }} />}
      {legend === true && (
        <Legend
          lines={series}
          onToggle={toggle}
          onEmphasise={line => plot.current?.emphasise(line)}
          {...{ drawing, axis, cursor, hidden }}
        />
      )}
      <Said series={series} drawing={drawing} />
    </figure>
  );
}

interface Drawn {
  readonly series: readonly Line[];
  readonly drawing: Drawing;
  readonly axis: XAxis;
  readonly log: boolean;
  readonly height: number;
  readonly span: number;
  readonly zoom: Zoom | null;
  readonly hidden: ReadonlySet<number>;
  readonly cursor: CursorStore;
  readonly onZoom: (zoom: Zoom | null) => void;
}

type Ref<T> = MutableRefObject<T>;

/** Keep a chart in an element: as wide as that is, of the shape that is drawn, with the newest numbers. */
function usePlot(drawn: Drawn): readonly [Ref<HTMLDivElement | null>, Ref<Plot | null>] {
  const host = useRef<HTMLDivElement | null>(null);
  const plot = useRef<Plot | null>(null);
  const theme = useTheme();
  const width = useWidth(host);
  const newest = useRef(drawn);
  const columns = drawn.drawing.columns.map(({ line, role }) => ({ line, role }));
  const colors = drawn.series.map((line, i) => line.color ?? curveColor(i));
  const { axis, log, height, span } = drawn;
  const shape = JSON.stringify({ columns, colors, axis, log, height, span });
  useLayoutEffect(() => {
    newest.current = drawn;
  });
  useLayoutEffect(() => {
    if (!host.current || !width) {
      return;
    }
    const tell = {
      cursor: (at: number | null, nearest: readonly (number | null)[]) =>
        newest.current.cursor.set(at, nearest),
      zoom: (zoom: Zoom | null) => newest.current.onZoom(zoom)
    };
    const made = new Plot(
      host.current,
      JSON.parse(shape) as ConstructorParameters<typeof Plot>[1],
      tell,
      width
    );
    plot.current = made;
    made.draw(newest.current.drawing, newest.current.zoom, newest.current.hidden);
    return () => {
      plot.current = null;
      made.destroy();
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the width alone makes no new chart: it is resized below
  }, [shape, theme, width > 0]);
  useLayoutEffect(
    () => plot.current?.draw(drawn.drawing, drawn.zoom, drawn.hidden),
    [drawn.drawing, drawn.zoom, drawn.hidden]
  );
  useLayoutEffect(() => {
    if (width) {
      plot.current?.resize(width);
    }
  }, [width]);
  return [host, plot];
}

/** The width of an element, 0 while it is not shown. */
function useWidth(host: Ref<HTMLDivElement | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = host.current;
    if (!element) {
      return;
    }
    const observer = new ResizeObserver(() => {
      // In a hidden tab it has no width: the chart is kept as it is.
      setWidth(before => element.clientWidth || before);
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [host]);
  return width;
}

/** The chart itself. By keyboard it is a slider over its points, which says the values there. */
function Canvas(props: {
  readonly host: Ref<HTMLDivElement | null>;
  readonly plot: Ref<Plot | null>;
  readonly drawing: Drawing;
  readonly series: readonly Line[];
  readonly axis: XAxis;
  readonly label: string;
  readonly zoom: Zoom | null;
  readonly height: number;
  readonly span: number;
  readonly onZoom: (zoom: Zoom | null) => void;
  readonly cursor: CursorStore;
}): JSX.Element {
  const { host, plot, drawing, series, axis, label, zoom, onZoom, cursor, height, span } = props;
  const trans = useTrans();
  const [at, setAt] = useState<number | null>(null);
  const place = drawing.x[at ?? drawing.x.length - 1] ?? 0;
  const [low, high] = extent(drawing.x, span);
  const now = valuesAt(drawing, at === null ? { at, nearest: [] } : cursor.get());
  const told = series.slice(0, MOST_SAID).map((line, i) => `${line.label} ${valueText(now[i])}`.trim());
  const nMore = series.length - told.length;
  const said = [...told, ...(nMore > 0 ? [trans.__('and %1 more', nMore.toLocaleString())] : [])].join(', ');
  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keyed(event.key, at, drawing.x.length);
    if (typeof act === 'number') {
      plot.current?.point(act);
      setAt(act);
    } else if (act !== null) {
      const around = drawing.x[at ?? Math.floor(drawing.x.length / 2)] ?? 0;
      onZoom(act === 'all' ? null : zoomed(zoom ?? [low, high], [low, high], around, act === 'in' ? 0.5 : 2));
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={host}
      className="jp-Mlops-curvesPlot"
      style={{ height }}
      role="slider"
      tabIndex={0}
      aria-label={trans.__('%1: move with the arrow keys, zoom with + and -', label)}
      aria-valuemin={low}
      aria-valuemax={high}
      aria-valuenow={place}
      aria-valuetext={`${placeName(place, axis, trans)}: ${said}`}
      onKeyDown={onKeyDown}
    />
  );
}

/** Return which point a key leads to, or how it zooms; null for any other key. */
export function keyed(key: string, at: number | null, n: number): number | 'in' | 'out' | 'all' | null {
  const now = at ?? n - 1;
  const stride = Math.max(1, Math.round(n / 10));
  const to = (next: number): number => Math.min(n - 1, Math.max(0, next));
  switch (key) {
    case 'ArrowLeft':
    case 'ArrowDown':
      return to(now - 1);
    case 'ArrowRight':
    case 'ArrowUp':
      return to(now + 1);
    case 'PageDown':
      return to(now - stride);
    case 'PageUp':
      return to(now + stride);
    case 'Home':
      return 0;
    case 'End':
      return n - 1;
    case '+':
    case '=':
      return 'in';
    case '-':
      return 'out';
    case 'Escape':
    case '0':
      return 'all';
    default:
      return null;
  }
}

/** What the chart cannot draw. */
function Said({
  series,
  drawing
}: {
  readonly series: readonly Line[];
  readonly drawing: Drawing;
}): JSX.Element | null {
  const trans = useTrans();
  const lines = series.flatMap((line, i) => {
    const nLarge = drawing.tooLarge[i] ?? 0;
    const nGaps = (drawing.gaps[i]?.length ?? 0) - nLarge;
    const nLow = drawing.notPositive[i] ?? 0;
    const gaps = trans._n(
      '%1 point is NaN or infinite: a gap (×)',
      '%1 points are NaN or infinite: gaps (×)',
      nGaps
    );
    const large = trans._n(
      '%1 point is beyond ±%2: a gap (×)',
      '%1 points are beyond ±%2: gaps (×)',
      nLarge,
      LARGEST.toExponential().replace('+', '')
    );
    const low = trans._n('%1 point is not above 0', '%1 points are not above 0', nLow);
    const said = [...(nLarge ? [large] : []), ...(nGaps ? [gaps] : []), ...(nLow ? [low] : [])].join('; ');
    return said ? [series.length > 1 ? `${line.label}: ${said}` : said] : [];
  });
  return lines.length ? (
    <figcaption className="jp-Mlops-curvesSaid">
      {lines.map(text => (
        <div key={text} title={text}>
          {text}
        </div>
      ))}
    </figcaption>
  ) : null;
}
