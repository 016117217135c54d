/**
 * What parallel coordinates and scatter have in common: a box that is measured, and words at the mouse.
 *
 * They are SVG of our own, not Lab's Vega-Lite renderer: that one keeps its view to itself, so that a brush could not
 * leave other runs out, a click could not open a run, and a chart could not point at the run that another part
 * points at; and it does not follow a change of the theme.
 */

import { useLayoutEffect, useRef, useState } from 'react';
import type { JSX, ReactNode, RefObject } from 'react';

import type { Run } from '../api/types';
import { useTrans } from '../api/context';
import { textOf, valueOf } from './axes';
import type { Source } from './axes';
import { sourceName } from './choose';
import type { Compared } from './compared';
import { shorten } from './model';
import { draw, imageOf } from './picture';
import type { LegendItem } from './picture';
import { resolved } from './colors';

/** The width of an element as it is now, `first` until it is known. */
export function useWidth(ref: RefObject<HTMLElement>, first: number): number {
  const [width, setWidth] = useState(first);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) {
      return;
    }
    // In a hidden tab it has none: what was known stays.
    const observer = new ResizeObserver(() => setWidth(before => element.clientWidth || before));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return width;
}

export interface Pointed {
  readonly runs: readonly Run[];
  readonly x: number;
  readonly y: number;
}

const MOST_NAMED = 5;

/** Names the runs that are pointed at, with the values that the chart shows of them. */
export function Tip(props: {
  readonly pointed: Pointed;
  readonly compared: Compared;
  readonly sources: readonly Source[];
  readonly width: number;
}): JSX.Element {
  const { pointed, compared, sources, width } = props;
  const trans = useTrans();
  const named = pointed.runs.slice(0, MOST_NAMED);
  const nMore = pointed.runs.length - named.length;
  const side = pointed.x > width / 2 ? { right: width - pointed.x + 12 } : { left: pointed.x + 12 };
  return (
    <div className="jp-Mlops-tip" style={{ ...side, top: pointed.y + 12 }} role="tooltip">
      {named.map(run => (
        <div key={run.id}>
          <div className="jp-Mlops-tipName">
            <span className="jp-Mlops-swatch" style={{ background: compared.colorOf(run.id) }} />
            <bdi>{shorten(compared.labelOf(run.id), 60)}</bdi>
          </div>
          <dl>
            {sources.map(source => (
              <div key={`${source.kind}:${source.name}`}>
                <dt>{shorten(sourceName(source, trans), 40)}</dt>
                <dd>{textOf(valueOf(run, source), source)}</dd>
              </div>
            ))}
          </dl>
        </div>
      ))}
      {nMore > 0 && <div>{trans._n('and %1 more run here', 'and %1 more runs here', nMore)}</div>}
    </div>
  );
}

/** Return the chart in an element as a picture with its legend. */
export async function pictureOf(
  host: HTMLElement,
  title: string,
  legend: readonly LegendItem[],
  more: (n: number) => string
): Promise<Blob> {
  const svg = host.querySelector('svg.jp-Mlops-chart');
  if (!(svg instanceof SVGSVGElement)) {
    throw new Error('There is no chart to draw.');
  }
  const { width, height } = svg.getBoundingClientRect();
  const colored = legend.map(item => ({ ...item, color: resolved(item.color, host) }));
  return draw({ title, width, height, image: await imageOf(svg), legend: colored, more }, host);
}

/** The scale of colours where these tell a value. */
export function ColorKey({ items }: { readonly items: readonly LegendItem[] }): ReactNode {
  return (
    <ul className="jp-Mlops-colorKey">
      {items.slice(0, 12).map(item => (
        <li key={item.label}>
          <span className="jp-Mlops-swatch" style={{ background: item.color }} />
          <bdi>{shorten(item.label, 40)}</bdi>
        </li>
      ))}
    </ul>
  );
}

export function useHost(): RefObject<HTMLDivElement> {
  return useRef<HTMLDivElement>(null);
}
