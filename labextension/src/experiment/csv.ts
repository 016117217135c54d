/** The table as a file for spreadsheets: all that matches, in its order, with the columns that are shown, digits and all. */

import type { Run } from '../api/types';
import { valueOf } from './model';
import type { MetricSummary, RunGroup } from './queries';

/** What a spreadsheet would take for a formula: a run's name must not do anything on another person's machine. */
const FORMULA = /^[=+\-@\t\r]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

export function cellText(value: string | number | null): string {
  if (value === null) {
    return '';
  }
  const text = String(value);
  const safe = FORMULA.test(text) && !NUMBER.test(text) && text !== '-Infinity' ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function lines(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map(row => row.map(cellText).join(',')).join('\r\n') + '\r\n';
}

/** The id of each run is always there, behind the columns: by it runs are found again. */
export function runsCsv(runs: readonly Run[], columns: readonly string[]): string {
  const ids = columns.includes('id') ? columns : [...columns, 'id'];
  return lines([ids, ...runs.map(run => ids.map(id => valueOf(run, id)))]);
}

const PARTS = ['n', 'n_nan', 'mean', 'sd'] as const satisfies readonly (keyof MetricSummary)[];

/** Groups with what is known of each metric, named `auc mean`, `auc sd`. */
export function groupsCsv(groups: readonly RunGroup[], by: string, metrics: readonly string[]): string {
  const head = [by, 'runs', ...metrics.flatMap(key => PARTS.map(part => `${key} ${part}`))];
  const rows = groups.map(group => [
    group.value,
    group.n_runs,
    ...metrics.flatMap(key => PARTS.map(part => group.metrics[key]?.[part] ?? null))
  ]);
  return lines([head, ...rows]);
}

/** Hand a text to the person as a file. */
export function download(text: string, name: string): void {
  // The mark in front lets spreadsheets read Korean and Arabic.
  const url = URL.createObjectURL(new Blob(['\uFEFF', text], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** A name that every file system takes. */
export function fileName(subject: string): string {
  return `${(subject || 'runs').replace(/[\\/:*?"<>|\s]+/g, '-').slice(0, 80)}.csv`;
}
