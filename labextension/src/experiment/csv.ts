/** The table as a file for spreadsheets: all that matches, in its order, with the columns that are shown, digits and all. */

import type { Run } from '../api/types';
import { csv } from '../common/csv';
import { valueOf } from './model';
import type { MetricSummary, RunGroup } from './queries';

/** The id of each run is always there, behind the columns: by it runs are found again. */
export function runsCsv(runs: readonly Run[], columns: readonly string[]): string {
  const ids = columns.includes('id') ? columns : [...columns, 'id'];
  return csv([ids, ...runs.map(run => ids.map(id => valueOf(run, id)))]);
}

const PARTS = ['n', 'n_nan', 'n_infinite', 'mean', 'sd'] as const satisfies readonly (keyof MetricSummary)[];

/** Groups with what is known of each metric, named `auc mean`, `auc sd`. */
export function groupsCsv(groups: readonly RunGroup[], by: string, metrics: readonly string[]): string {
  const head = [by, 'runs', ...metrics.flatMap(key => PARTS.map(part => `${key} ${part}`))];
  const rows = groups.map(group => [
    group.value,
    group.n_runs,
    ...metrics.flatMap(key => PARTS.map(part => group.metrics[key]?.[part] ?? null))
  ]);
  return csv([head, ...rows]);
}

/** A name that every file system takes. */
export function fileName(subject: string): string {
  return `${(subject || 'runs').replace(/[\\/:*?"<>|\s]+/g, '-').slice(0, 80)}.csv`;
}
