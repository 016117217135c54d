import { act, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Curve } from '../api/types';
import { giveCanvas } from '../testing/canvas';
import { show } from '../testing/session';
import { axisFor, drawingOf, extent, placesOf, smoothed, tickText, zoomed } from './model';
import type { Line } from './model';
import type * as panel from './panel';
import { isExact, lineOf, spanOf, spliced } from './record';
import { timeTexts } from './time';
import { elapsedText, labelSpace, stepText, xTexts } from './xaxis';

function line(change: Partial<Line> = {}): Line {
  return { id: 'loss', label: 'loss', x: [0, 1, 2, 3], y: [4, 3, 2, 1], ...change };
}

describe('smoothing', () => {
  it('begins at the first value, unlike a plain moving average', () => {
    expect(smoothed([10, 10, 10], 0.9)[0]).toBeCloseTo(10);
    const [first, second] = smoothed([0, 1], 0.5);
    expect([first, second]).toEqual([0, 2 / 3]);
  });

  it('leaves out what no chart has a place for, and counts it', () => {
    const huge = drawingOf([line({ y: [1, 1e305, NaN, -1.7e308] })], 0.5, false);
    expect(huge.columns[1]?.values).toEqual([1, null, null, null]);
    expect([huge.gaps, huge.tooLarge]).toEqual([[[1, 2, 3]], [2]]);
    expect(huge.told[0]?.[1]).toBe(1e305);
  });

  it('leaves gaps where they are, and takes no part of them', () => {
    const found = smoothed([1, NaN, Infinity, 1], 0.9);
    expect(found[1]).toBeNaN();
    expect(found[2]).toBeNaN();
    expect(found[3]).toBeCloseTo(1);
  });
});

describe('lines over one x', () => {
  it('share their places, several at one step too', () => {
    const x = [0, 0, 1];
    expect(placesOf([line({ x, y: [1, 2, 3] }), line({ x: [...x], y: [1, 2, 3] })])).toEqual(x);
  });

  it('go straight on where only another one has a point', () => {
    const drawing = drawingOf([line(), line({ id: 'b', x: [1.5, 3, 9], y: [1, 2, 3] })], 0, false);
    expect(drawing.x).toEqual([0, 1, 1.5, 2, 3, 9]);
    expect(drawing.columns.map(column => column.values.length)).toEqual([6, 6]);
    expect(drawing.columns[0]?.values[2]).toBeUndefined();
    expect(drawing.columns[1]?.values[4]).toBe(2);
  });

  it('draw what is no number as a gap, and say what it was', () => {
    const drawing = drawingOf([line({ y: [1, NaN, -Infinity, 2] })], 0, false);
    expect(drawing.columns[0]?.values).toEqual([1, null, null, 2]);
    expect(drawing.gaps).toEqual([[1, 2]]);
    expect(drawing.told[0]).toEqual([1, NaN, -Infinity, 2]);
  });

  it('have no place below zero on a logarithmic scale', () => {
    const drawing = drawingOf([line({ y: [1, 0, -1, NaN] })], 0, true);
    expect(drawing.columns[0]?.values).toEqual([1, null, null, null]);
    expect(drawing.notPositive).toEqual([2]);
  });

  it('keep the band of what each point stands for, else the line before smoothing', () => {
    const banded = drawingOf([line({ low: [0, 0, 0, 0], high: [5, 5, 5, 5] })], 0.5, false);
    expect(banded.columns.map(column => column.role)).toEqual(['low', 'high', 'main']);
    const exact = drawingOf([line({ low: [4, 3, 2, 1], high: [4, 3, 2, 1] })], 0.5, false);
    expect(exact.columns.map(column => column.role)).toEqual(['raw', 'main']);
  });

  it('take 10 lines of 2,000 points in a moment', () => {
    const x = Float64Array.from({ length: 2000 }, (_, i) => i);
    const lines = Array.from({ length: 10 }, (_, i) =>
      line({ id: String(i), x: x.map(one => one + i / 10), y: x })
    );
    const began = performance.now();
    drawingOf(lines, 0.6, false);
    expect(performance.now() - began).toBeLessThan(200);
  });
});

describe('zooming', () => {
  it('halves around a place, and ends where everything is shown', () => {
    expect(zoomed([0, 100], [0, 100], 50, 0.5)).toEqual([25, 75]);
    expect(zoomed([25, 75], [0, 100], 50, 2)).toBeNull();
  });

  it('gives a single point room', () => {
    expect(extent([7])).toEqual([6, 8]);
    expect(extent([1, 3], 10)).toEqual([-7, 3]);
    expect(extent([1, 30], 10)).toEqual([1, 30]);
  });
});

describe('what the server sends', () => {
  const curve = (at: number[], n_points = at.length): Curve => ({
    key: 'loss',
    axis: 'step',
    n_points,
    at,
    low: at,
    high: at,
    last: at.map(one => (one === 2 ? 'NaN' : one))
  });

  it('is drawn from an origin on, with a band where an entry stands for many points', () => {
    const named = { id: 'r1', label: 'loss' };
    const line = lineOf(curve([1, 2, 3], 100), named, { origin: 1, hasBand: true });
    expect([Array.from(line.x), Array.from(line.y), Array.from(line.low ?? [])]).toEqual([
      [0, 1, 2],
      [1, NaN, 3],
      [1, 2, 3]
    ]);
    expect(lineOf(curve([1]), named, { origin: 0, hasBand: false }).low).toBeUndefined();
    expect([isExact(curve([1, 2])), isExact(curve([1, 2], 3))]).toEqual([true, false]);
  });

  it('is finer where it is zoomed into, and as it was beside that', () => {
    const whole = curve([9, 19, 29, 39], 40);
    const span = spanOf([9.5, 20.2], 1);
    expect(span).toEqual([10, 22]);
    expect(spliced(whole, curve([10, 15, 21]), span).at).toEqual([9, 10, 15, 21, 29, 39]);
    expect(spliced(whole, curve([30, 50]), [30, 50]).at).toEqual([9, 19, 29, 30, 50]);
    expect(spliced(whole, curve([60]), [50, 70]).at).toEqual([9, 19, 29, 39, 60]);
    expect(spliced(whole, undefined, span)).toBe(whole);
    expect(spliced(whole, { ...curve([10]), axis: 'time' }, span)).toBe(whole);
  });
});

describe('labels of time', () => {
  const at = (...parts: readonly [number, number, number, number, number]): number => +new Date(...parts);

  it('have the day where it begins, and no more than the steps tell apart', () => {
    const hours = timeTexts(
      [at(2024, 1, 28, 23, 0), at(2024, 1, 29, 0, 0), at(2024, 1, 29, 1, 0)],
      3_600_000
    );
    expect(hours.map(text => text.includes('\n'))).toEqual([true, true, false]);
    expect([hours[0], hours[1]]).toEqual([
      expect.stringContaining('28') as string,
      expect.stringContaining('29') as string
    ]);
    const [first = '', second = ''] = timeTexts([at(2024, 1, 28, 23, 0), at(2024, 1, 28, 23, 0) + 250], 250);
    expect([first, second].map(text => /\.\d{3}/.test(text))).toEqual([true, true]);
    expect(timeTexts([at(2024, 1, 28, 0, 0)], 86_400_000)[0]).toMatch(/^[^\n]*28[^\n]*$/);
    expect(timeTexts([1.7e18], 86_400_000)).toEqual(['']);
  });
});

describe('an axis of time', () => {
  it('is one of plain numbers where no calendar has the times', () => {
    expect(axisFor('time', [line({ x: [1.7e12, 1.8e12] })])).toBe('time');
    expect(axisFor('time', [line({ x: [1.7e12] }), line({ x: [1.7e12, 1.7e18] })])).toBe('step');
  });
});

describe('texts', () => {
  it.each([
    [0, '0 s'],
    [250, '250 ms'],
    [1500, '1.5 s'],
    [125_000, '2:05'],
    [3_725_000, '1:02:05']
  ])('writes %d ms', (ms, text) => expect(elapsedText(ms)).toBe(text));

  it.each([1, 2, 5, 10, 50, 200, 500, 1000, 15_000])('tells places %d ms apart from each other', apart => {
    for (const from of [0, 9_000, 70_000, 3_725_000]) {
      const texts = xTexts(
        'elapsed',
        [0, 1, 2, 3, 4].map(n => from + n * apart),
        apart
      );
      expect(new Set(texts).size).toBe(5);
    }
    expect(xTexts('elapsed', [125_250, 3_725_005], 5)).toEqual(['2:05.250', '1:02:05.005']);
  });

  it('have room beside a chart as long as they are', () => {
    expect(labelSpace('step', 0, 100)).toBe(50);
    expect(labelSpace('elapsed', 3_725_000, 3_725_020)).toBeGreaterThan(6 * '1:02:05.005'.length);
  });

  it.each([
    [0.25, 0.05, '0.25'],
    [0.25, 0.25, '0.25'],
    [0.5, 0.25, '0.5'],
    [1_500_000, 500_000, '1.5e6'],
    [0.00002, 0.00001, '2e-5'],
    [100, 20, '100']
  ])('writes the tick %d', (value, increment, text) => expect(tickText(value, increment)).toBe(text));

  it.each([
    [20_000, '20,000'],
    [1.5e15, '1.5e15']
  ])('writes the step %d', (step, text) => expect(stepText(step)).toBe(text));
});

describe('the chart', () => {
  let Curves: typeof panel.Curves;
  beforeAll(async () => {
    giveCanvas();
    ({ Curves } = await import('./panel'));
  });

  it('says its last values, and by keyboard those at any point', async () => {
    show(
      <Curves
        label="Training"
        series={[line(), line({ id: 'acc', label: 'acc', y: [0.1, 0.2, NaN, 0.4] })]}
      />
    );
    const chart = screen.getByRole('slider', { name: /Training/ });
    expect(chart).toHaveAttribute('aria-valuetext', 'step 3: loss 1, acc 0.4');
    screen.getByText('acc: 1 point is NaN or infinite: a gap (×)');
    await waitFor(() => expect(chart.querySelector('canvas')).toBeInTheDocument());
    chart.focus();
    await userEvent.keyboard('{ArrowLeft}');
    expect(chart).toHaveAttribute('aria-valuetext', expect.stringContaining('step 2') as string);
  });

  it('says nothing of places where there is nothing to tell', () => {
    show(
      <Curves
        label="Latency"
        gapMarks={false}
        series={[line({ id: 'p50', label: 'p50', y: [1, 2, 3, NaN] })]}
      />
    );
    expect(screen.getByRole('figure', { name: 'Latency' })).not.toHaveTextContent('NaN');
    expect(screen.getByRole('slider')).toHaveAttribute('aria-valuetext', 'step 3: p50');
  });

  it('has times at whole seconds, also where it begins at a part of a millisecond', async () => {
    const written: string[] = [];
    giveCanvas(600, text => written.push(text));
    const now = new Date(2026, 10, 22, 12, 53, 59).getTime() + 0.7;
    show(
      <Curves label="Live" axis="time" span={60_000} series={[line({ x: [now, now + 1000], y: [1, 2] })]} />
    );
    await waitFor(() => expect(written.filter(text => text.includes(':')).length).toBeGreaterThan(2));
    expect(written.filter(text => /:\d\d:\d[^05]/.test(text))).toEqual([]);
    giveCanvas();
  });

  it('keeps what is zoomed into while points are added, and when it comes back', async () => {
    const shown = show(<Curves label="Training" zoomKey="r1/loss" series={[line()]} />);
    await waitFor(() => expect(shown.container.querySelector('canvas')).toBeInTheDocument());
    screen.getByRole('slider').focus();
    await userEvent.keyboard('+');
    screen.getByRole('button', { name: 'Show all' });
    shown.unmount();
    show(
      <Curves
        label="Training"
        zoomKey="r1/loss"
        series={[line({ x: [0, 1, 2, 3, 4], y: [4, 3, 2, 1, 0] })]}
      />
    );
    const reset = screen.getByRole('button', { name: 'Show all' });
    act(() => reset.click());
    expect(screen.queryByRole('button', { name: 'Show all' })).toBeNull();
  });

  it('hides a curve at a click on its name', async () => {
    show(<Curves label="Training" series={[line(), line({ id: 'acc', label: 'acc' })]} />);
    const acc = screen.getByRole('button', { name: /acc/ });
    expect(acc).toHaveAttribute('aria-pressed', 'true');
    await userEvent.click(acc);
    expect(acc).toHaveAttribute('aria-pressed', 'false');
  });
});
