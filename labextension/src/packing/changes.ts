/** How two manifests differ, in the parts and words that a person knows them by. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { FieldChange } from '../api/types';
import { pretty } from '../common/json';

export interface Cell {
  readonly text: string;
  /** At the mouse, where the text is cut. */
  readonly title: string;
  /** Whether it is drawn as JSON over several lines. */
  readonly isLong: boolean;
}

export interface ChangedRow {
  readonly name: string;
  /** Null where that manifest has none of it. */
  readonly before: Cell | null;
  readonly after: Cell | null;
}

export interface ChangedPart {
  readonly title: string;
  readonly rows: readonly ChangedRow[];
}

const DIGITS = 12;

/** Return the parts in which something differs: what is run and on what first, then what it holds. */
export function partsOf(changes: readonly FieldChange[], trans: TranslationBundle): readonly ChangedPart[] {
  const own: Readonly<Record<string, string>> = {
    script: trans.__('Scoring script'),
    python: trans.__('Python'),
    base_image: trans.__('Base image'),
    schema: trans.__('Schema'),
    sample: trans.__('Sample'),
    prediction: trans.__('What the sample scores to')
  };
  const titles: readonly (readonly [prefix: string, title: string])[] = [
    ['', trans.__('What it runs')],
    ['models', trans.__('Models')],
    ['requirements', trans.__('Packages')],
    ['files', trans.__('Files')],
    ['tags', trans.__('Tags')]
  ];
  return titles
    .map(([prefix, title]) => ({
      title,
      rows: changes
        .map(change => ({ change, ...placeOf(change.field) }))
        .filter(one => one.prefix === prefix)
        .map(({ change, name }) => ({
          name: prefix ? name : (own[name] ?? name),
          before: cellOf(prefix, change.before),
          after: cellOf(prefix, change.after)
        }))
    }))
    .filter(part => part.rows.length);
}

/** `files.models/churn.bin` is `models/churn.bin` of the files. */
function placeOf(field: string): { readonly prefix: string; readonly name: string } {
  const dot = field.indexOf('.');
  return { prefix: field.slice(0, Math.max(0, dot)), name: field.slice(dot + 1) };
}

function cellOf(prefix: string, value: unknown): Cell | null {
  if (value === null || value === undefined) {
    return null;
  }
  const text = typeof value === 'string' ? value : pretty(value);
  return {
    text: prefix === 'files' ? text.slice(0, DIGITS) : text,
    title: prefix === 'files' ? text : '',
    isLong: typeof value === 'object'
  };
}
