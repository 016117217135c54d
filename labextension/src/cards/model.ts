/** A run's card, as the kernel wrote it into the notebook. A notebook comes from anyone: nothing in it is believed. */

import type { MetricValue, Run, RunStatus } from '../api/types';
import { moment, span } from '../common/format';
import { trans } from '../common/words';

export const CARD_MIME = 'application/vnd.mlops.run+json';

export interface Trend {
  readonly name: string;
  readonly last: MetricValue;
  readonly nPoints: number;
  readonly lowest: number | null;
  readonly highest: number | null;
  readonly points: readonly (readonly [number, number])[];
}

export interface Picture {
  /** Among the run's artifacts. */
  readonly path: string;
  /** A `data:` address, empty where the picture was too large to be saved. */
  readonly address: string;
}

/** A run right below the card's. */
export interface Child {
  readonly name: string;
  readonly status: RunStatus;
  readonly durationS: number | null;
  readonly metrics: readonly (readonly [string, MetricValue])[];
}

export interface Output {
  readonly path: string;
  readonly nBytes: number;
}

export interface Card {
  readonly workspace: string;
  readonly id: string;
  readonly name: string;
  readonly experiment: string;
  readonly status: RunStatus;
  readonly startedAt: number;
  readonly durationS: number | null;
  readonly reason: string;
  readonly actor: string;
  readonly params: readonly (readonly [string, string])[];
  readonly trends: readonly Trend[];
  readonly nMore: number;
  readonly pictures: readonly Picture[];
  readonly children: readonly Child[];
  readonly nMoreChildren: number;
  readonly outputs: readonly Output[];
  readonly nMoreOutputs: number;
  readonly facts: readonly (readonly [string, string])[];
  readonly hiddenState: readonly string[];
  readonly warnings: readonly string[];
  readonly notes: string;
  readonly progress: { readonly fraction: number; readonly text: string } | null;
  readonly link: string;
}

const STATUSES: readonly string[] = ['SCHEDULED', 'RUNNING', 'FINISHED', 'FAILED', 'KILLED'];
const PICTURE = /^data:image\/(png|jpeg|gif|svg\+xml);base64,[A-Za-z0-9+/=]*$/;

/** Return the card in a MIME bundle's JSON, or null when it is none. */
export function readCard(data: unknown): Card | null {
  const card = fields(data);
  const run = fields(card.run);
  const status = text(run.status);
  if (!text(run.id) || !text(run.name) || !STATUSES.includes(status)) {
    return null;
  }
  const progress = fields(card.progress);
  const link = text(card.link);
  return {
    workspace: text(card.workspace),
    id: text(run.id),
    name: text(run.name),
    experiment: text(run.experiment),
    status: status as RunStatus,
    startedAt: finite(run.started_at) ?? 0,
    durationS: finite(run.duration_s),
    reason: text(run.reason),
    actor: text(run.actor),
    params: Object.entries(fields(run.params)).map(([name, value]) => [name, text(value)] as const),
    trends: list(card.trends).map(readTrend),
    nMore: finite(card.n_more) ?? 0,
    pictures: list(card.pictures).map(readPicture),
    children: list(card.children).flatMap(readChild),
    nMoreChildren: finite(card.n_more_children) ?? 0,
    outputs: list(card.outputs).map(readOutput),
    nMoreOutputs: finite(card.n_more_outputs) ?? 0,
    facts: readFacts(card, run),
    hiddenState: list(card.hidden_state).map(text),
    warnings: list(card.warnings).map(text),
    notes: text(card.notes),
    progress:
      finite(progress.fraction) === null
        ? null
        : { fraction: Math.min(1, Math.max(0, finite(progress.fraction) ?? 0)), text: text(progress.text) },
    link: /^https?:\/\//.test(link) ? link : ''
  };
}

/** Return the card with what the server says of its run by now. */
export function withNews(card: Card, run: Run): Card {
  const known = new Set(card.trends.map(trend => trend.name));
  const fresh = Object.entries(run.metrics)
    .filter(([name]) => !known.has(name))
    .map(([name, last]) => ({ name, last, nPoints: 1, lowest: null, highest: null, points: [] }));
  return {
    ...card,
    status: run.status,
    durationS: run.duration_s,
    reason: run.reason,
    progress: run.status === 'RUNNING' ? card.progress : null,
    trends: [
      ...card.trends.map(trend => ({ ...trend, last: run.metrics[trend.name] ?? trend.last })),
      ...fresh
    ]
  };
}

/** Return how long the run took, or takes: `now` is in seconds since the epoch, null where nobody knows that it runs still. */
export function took(card: Card, now: number | null): string {
  if (card.durationS !== null) {
    return span(card.durationS);
  }
  if (card.status !== 'RUNNING' || now === null) {
    return '';
  }
  return span(Math.max(0, Math.floor(now - card.startedAt)));
}

/** Return where a curve's points lie in a box, as SVG writes it. */
export function polyline(points: Trend['points'], width: number, height: number): string {
  const pad = 2;
  const place = (value: number, values: readonly number[], room: number): number => {
    // Halves, since the span of huge values has no number.
    const low = Math.min(...values) / 2;
    const high = Math.max(...values) / 2;
    return high > low ? ((value / 2 - low) / (high - low)) * room : room / 2;
  };
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  return points
    .map(([x, y]) => {
      const right = pad + place(x, xs, width - 2 * pad);
      const down = height - pad - place(y, ys, height - 2 * pad);
      return `${right.toFixed(1)},${down.toFixed(1)}`;
    })
    .join(' ');
}

function readTrend(data: unknown): Trend {
  const trend = fields(data);
  const pairs = list(trend.points).map(point => [finite(list(point)[0]), finite(list(point)[1])] as const);
  return {
    name: text(trend.name),
    last: value(trend.last),
    nPoints: finite(trend.n_points) ?? 1,
    lowest: finite(trend.lowest),
    highest: finite(trend.highest),
    points: pairs.flatMap(([x, y]) => (x === null || y === null ? [] : [[x, y] as const]))
  };
}

function readPicture(data: unknown): Picture {
  const picture = fields(data);
  const address = text(picture.address);
  return { path: text(picture.path), address: PICTURE.test(address) ? address : '' };
}

function readChild(data: unknown): readonly Child[] {
  const child = fields(data);
  const status = text(child.status);
  if (!STATUSES.includes(status)) {
    return [];
  }
  const metrics = Object.entries(fields(child.metrics)).map(([name, last]) => [name, value(last)] as const);
  return [
    { name: text(child.name), status: status as RunStatus, durationS: finite(child.duration_s), metrics }
  ];
}

function readOutput(data: unknown): Output {
  const output = fields(data);
  return { path: text(output.path), nBytes: finite(output.n_bytes) ?? 0 };
}

function readFacts(card: Fields, run: Fields): Card['facts'] {
  const tags = Object.entries(fields(run.tags)).map(([key, value]) => `${key}=${text(value)}`);
  const started = finite(run.started_at);
  const actor = text(run.actor);
  const notebook = text(card.notebook);
  const facts: readonly (readonly [string, string])[] = [
    [trans.__('tags'), tags.join(' ')],
    [trans.__('child of'), text(run.parent)],
    [
      trans.__('started'),
      started ? (actor ? trans.__('%1 by %2', moment(started), actor) : moment(started)) : ''
    ],
    [trans.__('notebook'), notebook === 'unknown' ? '' : notebook],
    [trans.__('machine'), text(card.machine)],
    [trans.__('data'), text(card.data)],
    [trans.__('snapshot'), text(card.snapshot)],
    [trans.__('git'), text(card.git)],
    [trans.__('environment'), text(card.environment)]
  ];
  return facts.filter(([, value]) => value !== '');
}

type Fields = Readonly<Record<string, unknown>>;

function fields(data: unknown): Fields {
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? (data as Fields) : {};
}

function list(data: unknown): readonly unknown[] {
  return Array.isArray(data) ? data : [];
}

function text(data: unknown): string {
  return typeof data === 'string' ? data : '';
}

function finite(data: unknown): number | null {
  return typeof data === 'number' && Number.isFinite(data) ? data : null;
}

function value(data: unknown): MetricValue {
  return typeof data === 'number' || data === 'Infinity' || data === '-Infinity' ? data : 'NaN';
}
