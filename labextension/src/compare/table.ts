/** The tables of a comparison as rows of fields, for CSV and Markdown. */

import type { MetricValue, Run } from '../api/types';
import type { Field } from '../common/csv';
import { dateOf, metric } from '../common/format';
import type { MetricLine, ParamLine } from './model';

/** One row for each run, as programs and spreadsheets want them: full values, names with `params.` and `metrics.`. */
export function runTable(
  runs: readonly Run[],
  params: readonly ParamLine[],
  metrics: readonly MetricLine[]
): readonly (readonly Field[])[] {
  const head = [
    'run',
    'name',
    'experiment',
    'status',
    'started',
    'duration_s',
    ...params.map(line => `params.${line.name}`),
    ...metrics.map(line => `metrics.${line.name}`)
  ];
  return [
    head,
    ...runs.map(run => [
      run.id,
      run.name,
      run.experiment,
      run.status,
      dateOf(run.started_at)?.toISOString() ?? run.started_at,
      run.duration_s ?? undefined,
      ...params.map(line => run.params[line.name]),
      ...metrics.map(line => run.metrics[line.name])
    ])
  ];
}

/** One column for each run, as a person reads them: short numbers, the best of each metric marked by `mark`. */
export function shownTable(
  labels: readonly string[],
  params: readonly ParamLine[],
  metrics: readonly MetricLine[],
  mark: string
): readonly (readonly Field[])[] {
  const number = (value: MetricValue | undefined, best: boolean): Field =>
    value === undefined ? undefined : best ? `${metric(value)} ${mark}` : metric(value);
  return [
    ['', ...labels],
    ...params.map(line => [line.name, ...line.values]),
    ...metrics.map(line => [
      line.name,
      ...line.values.map((value, index) => number(value, line.best.has(index)))
    ])
  ];
}
