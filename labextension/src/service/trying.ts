/** The console's texts: bodies made pretty, faults in them found, answers read. */

import { pretty } from '../common/json';

/** Media types that the console speaks; a service takes more. */
export const MEDIA = ['application/json', 'text/csv'] as const;
export type Media = (typeof MEDIA)[number];

/** What is being written. */
export interface Draft {
  /** Null: the sample. */
  readonly text: string | null;
  readonly media: Media;
  /** What is sent as it is in place of the text. */
  readonly file: File | null;
  /** Empty: by traffic. */
  readonly deployment: string;
}

export const NO_DRAFT: Draft = { text: null, media: 'application/json', file: null, deployment: '' };

export interface Fault {
  readonly message: string;
  /** From 1 on; null where the engine does not say. */
  readonly line: number | null;
  readonly column: number | null;
}

/** Return what is wrong with JSON, or null. */
export function jsonFault(text: string): Fault | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const at = position(message, text);
    const bare = message.replace(/ \(line \d+ column \d+\)/, '').replace(/ in JSON at position \d+/, '');
    if (at === null) {
      return { message: bare, line: null, column: null };
    }
    const before = text.slice(0, at).split('\n');
    return { message: bare, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  }
}

function position(message: string, text: string): number | null {
  const told = /position (\d+)/.exec(message);
  if (told) {
    return Number(told[1]);
  }
  const place = /line (\d+) column (\d+)/.exec(message);
  if (place) {
    const lines = text.split('\n').slice(0, Number(place[1]) - 1);
    return lines.reduce((sum, line) => sum + line.length + 1, 0) + Number(place[2]) - 1;
  }
  return /end of (JSON|data|input)/i.test(message) ? text.length : null;
}

/** Return JSON pretty, and any other text as it is. */
export function prettyText(text: string): string {
  try {
    return pretty(JSON.parse(text));
  } catch {
    return text;
  }
}

/**
 * A sample as CSV with a head, or null where it is no table: columns and rows (`split`, also below a name as
 * `dataframe_split`), records, or columns of values.
 */
export function asCsv(sample: unknown): string | null {
  const table = tableOf(sample);
  if (!table?.columns.length) {
    return null;
  }
  return [table.columns, ...table.rows].map(row => row.map(cell).join(',')).join('\n');
}

interface Table {
  readonly columns: readonly unknown[];
  readonly rows: readonly (readonly unknown[])[];
}

function tableOf(sample: unknown): Table | null {
  if (Array.isArray(sample)) {
    const [first] = sample as unknown[];
    if (!isObject(first)) {
      return null;
    }
    const columns = Object.keys(first);
    return { columns, rows: sample.filter(isObject).map(row => columns.map(name => row[name])) };
  }
  if (!isObject(sample)) {
    return null;
  }
  const { columns, data } = sample;
  if (Array.isArray(columns) && Array.isArray(data) && data.every(Array.isArray)) {
    return { columns, rows: data as unknown[][] };
  }
  const values = Object.values(sample);
  if (values.length === 1 && typeof values[0] === 'object') {
    return tableOf(values[0]);
  }
  if (values.length && values.every(Array.isArray)) {
    const n = Math.max(...values.map(one => (one as unknown[]).length));
    const rows = Array.from({ length: n }, (_, i) => values.map(one => (one as unknown[])[i]));
    return { columns: Object.keys(sample), rows };
  }
  return null;
}

function cell(value: unknown): string {
  const text =
    value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
