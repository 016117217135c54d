/** One uPlot chart: made anew when what it draws is of another shape, else only given other numbers. */

import uPlot from 'uplot';

import { extent, tickText } from './model';
import type { Drawing, Role, XAxis, Zoom } from './model';
import { curveDash, resolved } from './palette';
import { incrementsOf, labelSpace, LETTER, xTexts } from './xaxis';

/** What a chart is made from; another shape is another chart. */
export interface Shape {
  readonly columns: readonly { readonly line: number; readonly role: Role }[];
  /** CSS colours, by line. */
  readonly colors: readonly string[];
  readonly axis: XAxis;
  readonly log: boolean;
  readonly height: number;
  /** How much of the axis is shown at least, up to the last point. */
  readonly span: number;
}

export interface Tellers {
  /** The cursor is at a place of `x`, or nowhere; the second are places of each line's nearest point. */
  readonly cursor: (at: number | null, nearest: readonly (number | null)[]) => void;
  readonly zoom: (zoom: Zoom | null) => void;
}

const FADED = 0.2;

export class Plot {
  private readonly plot: uPlot;
  private drawing: Drawing | null = null;
  private zoom: Zoom | null = null;
  private hidden: ReadonlySet<number> = new Set();

  constructor(
    private readonly host: HTMLElement,
    private readonly shape: Shape,
    private readonly tell: Tellers,
    width: number
  ) {
    const empty = [[], ...shape.columns.map(() => [])] as uPlot.AlignedData;
    this.plot = new uPlot(this.options(width), empty, host);
  }

  draw(drawing: Drawing, zoom: Zoom | null, hidden: ReadonlySet<number>): void {
    this.drawing = drawing;
    this.zoom = zoom;
    const [min, max] = zoom ?? extent(drawing.x, this.shape.span);
    const data = [drawing.x, ...drawing.columns.map(column => column.values)] as uPlot.AlignedData;
    this.plot.batch(() => {
      this.plot.setData(data, false);
      if (hidden !== this.hidden) {
        this.hidden = hidden;
        this.shape.columns.forEach(({ line }, i) =>
          this.plot.setSeries(i + 1, { show: !hidden.has(line) }, false)
        );
      }
      this.plot.setScale('x', { min, max });
    });
  }

  resize(width: number): void {
    this.plot.setSize({ width, height: this.shape.height });
  }

  /** Draw one line strongly and the others faintly; all alike for null. */
  emphasise(line: number | null): void {
    this.shape.columns.forEach((column, i) => {
      const series = this.plot.series[i + 1];
      if (series) {
        series.alpha =
          line === null || column.line === line ? alphaOf(column.role) : FADED * alphaOf(column.role);
      }
    });
    this.plot.redraw(false);
  }

  /** Put the cursor on a place of `x`. */
  point(at: number): void {
    const place = this.drawing?.x[at];
    if (place !== undefined) {
      this.plot.setCursor({ left: this.plot.valToPos(place, 'x'), top: this.plot.over.clientHeight / 2 });
    }
  }

  destroy(): void {
    this.plot.destroy();
  }

  private options(width: number): uPlot.Options {
    const { axis, log, height } = this.shape;
    return {
      width,
      height,
      ms: 1,
      // uPlot rounds: a chart that begins at a part of a millisecond had every label just before its second.
      tzDate: place => new Date(place),
      pxAlign: false,
      padding: [8, () => this.beside(), 0, 0],
      legend: { show: false },
      scales: {
        x: { time: axis === 'time', auto: false },
        y: log ? LOGARITHMIC : { range: (_, min, max) => range(min, max) }
      },
      axes: this.axes(),
      series: [{}, ...this.shape.columns.map((_, i) => this.series(i))],
      bands: this.bands(),
      cursor: {
        y: false,
        drag: { setScale: false, x: true, y: false, dist: 4 },
        points: { size: 7, show: (_, i) => this.dot(i) },
        bind: { dblclick: () => () => this.tellZoom(null) }
      },
      hooks: {
        setCursor: [() => this.tellCursor()],
        setSelect: [() => this.select()],
        draw: [() => this.markGaps()]
      }
    };
  }

  private axes(): uPlot.Axis[] {
    const style = getComputedStyle(this.host);
    const css = (name: string): string => style.getPropertyValue(name).trim();
    const font = `11px ${css('--jp-ui-font-family') || 'sans-serif'}`;
    const look = {
      font,
      stroke: css('--jp-ui-font-color2') || 'gray',
      grid: { stroke: css('--jp-border-color2') || 'gray', width: 1 },
      ticks: { show: false }
    };
    const { axis } = this.shape;
    const incrs = incrementsOf(axis);
    const x: uPlot.Axis = {
      size: axis === 'time' ? 36 : 26,
      ...(incrs && { incrs }),
      space: (_, __, min, max) => labelSpace(axis, min, max),
      values: (_, splits, __, ___, increment) => [...xTexts(axis, splits, increment)]
    };
    const y: uPlot.Axis = {
      // The first label of the other axis stands half beside the chart, below this one.
      size: (_, values) =>
        Math.max(
          this.beside(),
          16 + LETTER * Math.max(2, ...((values as string[] | null) ?? []).map(text => text.length))
        ),
      values: (_, splits, __, ___, increment) =>
        (splits as (number | null)[]).map(one =>
          one === null ? '' : tickText(one, this.shape.log ? Math.abs(one) : increment)
        )
    };
    // All lines between two decades would be a grey mat.
    const decades = (_: uPlot, splits: number[]): (number | null)[] =>
      splits.map(one => (Number.isInteger(Math.round(Math.log10(one) * 1e9) / 1e9) ? one : null));
    return [
      { ...look, ...x },
      {
        ...look,
        ...y,
        ...(this.shape.log && { grid: { ...look.grid, filter: decades } })
      }
    ];
  }

  /** Return how far a label at an end of the x axis stands beside the chart. */
  private beside(): number {
    const [low, high] = this.zoom ?? extent(this.drawing?.x ?? [], this.shape.span);
    return labelSpace(this.shape.axis, low, high) / 2;
  }

  private series(index: number): uPlot.Series {
    const column = this.shape.columns[index];
    if (!column) {
      throw new RangeError(`The chart has no column ${index}.`);
    }
    const color = resolved(this.shape.colors[column.line] ?? 'gray', this.host);
    const { role } = column;
    if (role === 'low' || role === 'high') {
      return { width: 0, points: { show: false } };
    }
    const dash = curveDash(column.line);
    return {
      stroke: color,
      width: role === 'raw' ? 1 : 1.6,
      alpha: alphaOf(role),
      ...(dash.length && role === 'main' ? { dash: [...dash] } : {}),
      points:
        role === 'raw'
          ? { show: false }
          : { size: 5, fill: color, filter: (_, i, show) => (show ? null : this.lonely(i)) }
    };
  }

  private bands(): uPlot.Band[] {
    const { columns, colors } = this.shape;
    return columns.flatMap((column, i) => {
      const fill = pale(resolved(colors[column.line] ?? 'gray', this.host));
      // low and high stand beside each other
      return column.role === 'low' ? [{ series: [i + 2, i + 1] as uPlot.Band.Bounds, fill }] : [];
    });
  }

  private dot(index: number): HTMLElement {
    const column = this.shape.columns[index - 1];
    const dot = document.createElement('div');
    if (column?.role === 'main') {
      const color = resolved(this.shape.colors[column.line] ?? 'gray', this.host);
      dot.style.cssText = `width:7px;height:7px;margin:-3.5px 0 0 -3.5px;background:${color}`;
    } else {
      dot.hidden = true;
    }
    return dot;
  }

  /** Return the points between two gaps: a line alone would not show them. */
  private lonely(index: number): number[] | null {
    const values = this.drawing?.columns[index - 1]?.values ?? [];
    const x = this.drawing?.x ?? [];
    const { min, max } = this.plot.scales.x ?? {};
    const found: number[] = [];
    let before = -1; // the last place with a number since the last gap, and whether it is the only one
    let alone = false;
    const end = (): void => {
      if (
        alone &&
        before >= 0 &&
        (x[before] ?? 0) >= (min ?? -Infinity) &&
        (x[before] ?? 0) <= (max ?? Infinity)
      ) {
        found.push(before);
      }
      before = -1;
    };
    for (let i = 0; i < values.length; i++) {
      if (values[i] === null) {
        end();
      } else if (values[i] !== undefined) {
        alone = before < 0;
        before = i;
      }
    }
    end();
    return found.length ? found : null;
  }

  private tellCursor(): void {
    const { idx, idxs, left } = this.plot.cursor;
    const at = (left ?? -1) < 0 ? null : (idx ?? null);
    const nearest = this.shape.columns.flatMap((column, i) =>
      column.role === 'main' ? [at === null ? null : (idxs?.[i + 1] ?? null)] : []
    );
    this.tell.cursor(at, nearest);
  }

  private select(): void {
    const { left, width } = this.plot.select;
    if (width < 4) {
      return;
    }
    const zoom: Zoom = [this.plot.posToVal(left, 'x'), this.plot.posToVal(left + width, 'x')];
    this.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.tellZoom(zoom);
  }

  private tellZoom(zoom: Zoom | null): null {
    if (zoom !== this.zoom) {
      this.tell.zoom(zoom);
    }
    return null;
  }

  /** Mark below the curve where it has no number. */
  private markGaps(): void {
    const { ctx, bbox } = this.plot;
    const { min, max } = this.plot.scales.x ?? {};
    const { drawing } = this;
    if (!drawing || min === undefined || max === undefined) {
      return;
    }
    const size = 3 * uPlot.pxRatio;
    ctx.save();
    ctx.lineWidth = 1.4 * uPlot.pxRatio;
    drawing.gaps.forEach((gaps, line) => {
      if (this.hidden.has(line)) {
        return;
      }
      ctx.strokeStyle = resolved(this.shape.colors[line] ?? 'gray', this.host);
      ctx.beginPath();
      for (const at of gaps) {
        const place = drawing.x[at] ?? NaN;
        if (place >= min && place <= max) {
          const x = this.plot.valToPos(place, 'x', true);
          const y = bbox.top + bbox.height - 2 * size;
          ctx.moveTo(x - size, y - size);
          ctx.lineTo(x + size, y + size);
          ctx.moveTo(x - size, y + size);
          ctx.lineTo(x + size, y - size);
        }
      }
      ctx.stroke();
    });
    ctx.restore();
  }
}

function alphaOf(role: Role): number {
  return role === 'raw' ? 0.35 : 1;
}

/** Return the colour, let through so that curves below a band are seen. */
function pale(color: string): string {
  return /^#[0-9a-f]{6}$/i.test(color) ? `${color}38` : `color-mix(in srgb, ${color} 22%, transparent)`;
}

// uPlot's enum of scales is const, and so not there at run time.
const LOGARITHMIC = {
  distr: 3,
  range: (_: uPlot, min: number | null, max: number | null) => logRange(min, max)
} as unknown as uPlot.Scale;

function range(min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null) {
    return [0, 1];
  }
  if (min === max) {
    const room = Math.abs(min) * 0.1;
    return room ? [min - room, max + room] : range(0, 1); // what is 0 all the time stands on the ground
  }
  const room = (max - min) * 0.06;
  return [min - room, max + room];
}

function logRange(min: number | null, max: number | null): uPlot.Range.MinMax {
  if (min === null || max === null) {
    return [0.1, 10];
  }
  return uPlot.rangeLog(min, max, 10, max / min > 100);
}
