/** The table of runs as a person set it up: columns, order, filter, groups; and what the server is asked for it. */

import type { Run } from '../api/types';
import { dateOf } from '../common/format';
import type { Column, GridOrder } from '../common/grid/model';
import { asked as filterOf } from '../common/where/model';

/** What a column shows. `group` is empty for a run's own fields. */
export interface Field {
  readonly group: '' | 'metrics' | 'params' | 'tags';
  readonly key: string;
}

export interface KeptColumn {
  readonly id: string;
  readonly width: number;
}

/** Which end of a metric is marked as its best. */
export type Mark = 'highest' | 'lowest';

/** What is kept of a table until the next time. */
export interface TableState {
  /** Null until a person chose: then those that the runs call for. */
  readonly columns: readonly KeptColumn[] | null;
  readonly order: GridOrder | null;
  readonly where: string;
  /** By what runs are grouped; empty for not at all. */
  readonly by: string;
  /** Whether child runs are folded under their parents. */
  readonly folds: boolean;
  readonly marks: Readonly<Record<string, Mark>>;
}

export const FRESH: TableState = { columns: null, order: null, where: '', by: '', folds: true, marks: {} };

/** A run's own fields that can be columns. */
export const OWN = [
  'name',
  'status',
  'started',
  'duration',
  'actor',
  'project',
  'experiment',
  'ended',
  'id'
] as const;

const WIDTHS: Readonly<Record<string, number>> = {
  name: 240,
  status: 104,
  started: 138,
  ended: 138,
  duration: 92,
  id: 260
};
/** Metrics and parameters that a new table shows. */
const N_SHOWN = 4;
const AT_END: ReadonlySet<string> = new Set(['duration']);
/** What MLflow and we note ourselves: of no interest in a table until asked for. */
const OURS = /^(mlflow|mlops)\./;

/** Read a column's id: `status`, `metrics.auc`, ``params.`odd name` ``. */
export function fieldOf(id: string): Field {
  const dot = id.indexOf('.');
  const group = id.slice(0, dot);
  if (group === 'metrics' || group === 'params' || group === 'tags') {
    const key = id.slice(dot + 1);
    return { group, key: /^`.*`$|^".*"$/.test(key) ? key.slice(1, -1) : key };
  }
  return { group: '', key: id };
}

/** The id of a field: in backticks where the filter's language wants them. */
export function idOf({ group, key }: Field): string {
  if (!group) {
    return key;
  }
  return /^[\w.\-/@:]+$/.test(key) ? `${group}.${key}` : `${group}.\`${key}\``;
}

/** Names that the table may show, with how many of the newest runs have them. */
export interface KnownField {
  readonly field: string;
  readonly n_runs?: number | null;
}

export function isOurs(id: string): boolean {
  const { group, key } = fieldOf(id);
  return (group === 'tags' && OURS.test(key)) || (group === 'metrics' && key.startsWith('system/'));
}

/** The columns of a table that nobody has set up: what most runs have, so that rows compare like with like. */
export function defaultColumns(known: readonly KnownField[], isAll: boolean): readonly KeptColumn[] {
  const most = (group: Field['group']): readonly string[] =>
    known
      .filter(one => fieldOf(one.field).group === group && !isOurs(one.field) && (one.n_runs ?? 0) > 0)
      .map((one, index) => ({ id: one.field, n: one.n_runs ?? 0, index }))
      .sort((a, b) => b.n - a.n || a.index - b.index)
      .slice(0, N_SHOWN)
      .map(one => one.id);
  const own = ['name', 'status', ...(isAll ? ['experiment'] : []), 'started', 'duration', 'actor'];
  return [...own, ...most('metrics'), ...most('params')].map(kept);
}

export function kept(id: string): KeptColumn {
  return { id, width: WIDTHS[id] ?? 112 };
}

/** The name comes first and cannot be left out: it is what rows are. */
export function withName(columns: readonly KeptColumn[]): readonly KeptColumn[] {
  const name = columns.find(column => column.id === 'name') ?? kept('name');
  return [name, ...columns.filter(column => column.id !== 'name')];
}

export interface Words {
  readonly own: Readonly<Record<string, string>>;
  readonly metrics: string;
  readonly params: string;
  readonly tags: string;
}

/** Room for a mean and a deviation. */
const SUMMARY_WIDTH = 144;

/** Return the columns as the grid draws them; `by` is what runs are grouped by, and then what stands first. */
export function gridColumns(columns: readonly KeptColumn[], words: Words, by = ''): readonly Column[] {
  return withName(columns).map(({ id, width }) => {
    const { group, key } = fieldOf(id);
    const isSummary = by !== '' && group === 'metrics';
    const base = {
      id,
      width: isSummary ? Math.max(width, SUMMARY_WIDTH) : width,
      // The runs of a group are not in an order of their own.
      sortable: by === '' || isSummary || id === 'name',
      fixed: id === 'name'
    };
    if (id === 'name' && by) {
      const field = fieldOf(by);
      const label = field.group ? field.key : (words.own[field.key] ?? field.key);
      return { ...base, label, ...(field.group && { group: words[field.group] }), title: by.slice(0, 500) };
    }
    if (!group) {
      return { ...base, label: words.own[key] ?? key, align: AT_END.has(key) ? 'end' : 'start' } as const;
    }
    const of = group === 'metrics' ? {} : { group: words[group] };
    return {
      ...base,
      ...of,
      label: key,
      title: id.slice(0, 500),
      align: group === 'metrics' ? 'end' : 'start'
    } as const;
  });
}

/** Return how a click on a head orders: metrics and times from the top first, texts from A; then the other way; then not. */
export function nextOrder(order: GridOrder | null, id: string): GridOrder | null {
  const { group, key } = fieldOf(id);
  const fallsFirst = group === 'metrics' || ['started', 'ended', 'duration'].includes(key);
  if (order?.id !== id) {
    return { id, descending: fallsFirst };
  }
  return order.descending === fallsFirst ? { id, descending: !fallsFirst } : null;
}

export function orderText(order: GridOrder | null): string | undefined {
  return order === null ? undefined : `${order.id} ${order.descending ? 'desc' : 'asc'}`;
}

/** What has to hold of runs besides a filter. */
export function both(where: string | undefined, condition: string): string {
  return where ? `(${where}) and ${condition}` : condition;
}

/** Return the condition that a field has a value, as the filter's language writes it. */
export function has(id: string, value: string | null): string {
  return value === null ? `${id} is null` : `${id} = '${value.replaceAll("'", "''")}'`;
}

/** What the table is about, in the server's words: the same for all of its pages. */
export interface Asked {
  readonly experiment?: string;
  readonly where?: string;
  readonly words?: string;
  readonly deleted?: true;
  readonly roots?: true;
}

export function askedOf(subject: string, state: TableState, isTrash: boolean): Asked {
  const isFiltered = state.where.trim() !== '';
  return {
    ...(subject && { experiment: subject }),
    ...filterOf(state.where),
    ...(isTrash && { deleted: true as const }),
    // A filter is about each run by itself: children that match are listed though their parents do not.
    ...(state.folds && !isFiltered && !isTrash && { roots: true as const })
  };
}

/** Metrics, parameters and tags that the server has to send for these columns. */
export function wantedOf(columns: readonly KeptColumn[]): string {
  return columns
    .map(column => column.id)
    .filter(id => fieldOf(id).group)
    .sort()
    .join(', ');
}

/** What an address can hold of names, with room for a filter, also behind proxies that take no more than 8 kB. */
const MOST_ASKED = 5000;

/** How the server is asked for them: for all that there are, where no address holds their names. */
export function columnsAsked(wanted: string): { readonly columns?: string } {
  return encodeURIComponent(wanted).length <= MOST_ASKED ? { columns: wanted } : {};
}

/** What a run has in a column, as it is: for files, and for cells that show it in their own way. */
export function valueOf(run: Run, id: string): string | number | null {
  const { group, key } = fieldOf(id);
  if (group) {
    return run[group][key] ?? null;
  }
  switch (key) {
    case 'started':
      return run.started_at ? written(run.started_at) : null;
    case 'ended':
      return run.ended_at ? written(run.ended_at) : null;
    case 'duration':
      return run.duration_s;
    case 'name':
    case 'status':
    case 'actor':
    case 'project':
    case 'experiment':
    case 'id':
      return run[key];
    default:
      return null;
  }
}

function written(at: number): string | number {
  return dateOf(at)?.toISOString() ?? at;
}

/** Read what was kept, whatever it is by now. */
export function readState(value: unknown): TableState {
  if (typeof value !== 'object' || value === null) {
    return FRESH;
  }
  const found = value as Partial<Record<keyof TableState, unknown>>;
  const columns = Array.isArray(found.columns) ? (found.columns as unknown[]).filter(isKept) : null;
  return {
    columns: columns?.length ? withName(columns) : null,
    order: isOrder(found.order) ? found.order : null,
    where: typeof found.where === 'string' ? found.where : '',
    by: typeof found.by === 'string' ? found.by : '',
    folds: found.folds !== false,
    marks: marksOf(found.marks)
  };
}

function isKept(value: unknown): value is KeptColumn {
  const column = value as Partial<KeptColumn> | null;
  return typeof column?.id === 'string' && typeof column.width === 'number' && column.width > 0;
}

function isOrder(value: unknown): value is GridOrder {
  const order = value as Partial<GridOrder> | null | undefined;
  return typeof order?.id === 'string' && typeof order.descending === 'boolean';
}

function marksOf(value: unknown): Readonly<Record<string, Mark>> {
  if (typeof value !== 'object' || value === null) {
    return {};
  }
  const marks = Object.entries(value).filter(([, mark]) => mark === 'highest' || mark === 'lowest');
  return Object.fromEntries(marks);
}
