/** The menus of the table: of a column's head, and of a row. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Session } from '../api/session';
import { CommandIDs } from '../commands';
import type { Column } from '../common/grid/model';
import { moved } from '../common/grid/model';
import { openMenu } from '../common/menu';
import type { MenuItem } from '../common/menu';
import type { Row } from './flat';
import { fieldOf } from './model';
import type { Mark, TableState } from './model';

export interface HeadMenu {
  readonly column: Column;
  readonly columns: readonly Column[];
  readonly state: TableState;
  readonly trans: TranslationBundle;
  readonly onChange: (change: Partial<TableState>) => void;
  readonly onColumns: (columns: readonly Column[]) => void;
  readonly onHide: (id: string) => void;
}

export function openHeadMenu(props: HeadMenu, x: number, y: number): void {
  const { column, columns, state, trans, onChange } = props;
  const { group } = fieldOf(column.id);
  const at = columns.indexOf(column);
  const sort = (descending: boolean): MenuItem => ({
    label: descending ? trans.__('Sort from the Top') : trans.__('Sort from the Bottom'),
    checked: state.order?.id === column.id && state.order.descending === descending,
    onClick: () => onChange({ order: { id: column.id, descending } })
  });
  const move = (label: string, by: number): MenuItem => ({
    label,
    enabled: moved(columns, column.id, at + by) !== columns,
    onClick: () => props.onColumns(moved(columns, column.id, at + by))
  });
  const mark = (label: string, as: Mark): MenuItem => ({
    label,
    checked: state.marks[column.id] === as,
    onClick: () => onChange({ marks: withMark(state.marks, column.id, as) })
  });
  const isGroupable =
    group === 'params' ||
    group === 'tags' ||
    ['status', 'actor', 'project', 'experiment'].includes(column.id);
  openMenu(
    [
      sort(true),
      sort(false),
      ...(group === 'metrics'
        ? [null, mark(trans.__('Mark the Highest'), 'highest'), mark(trans.__('Mark the Lowest'), 'lowest')]
        : []),
      ...(isGroupable
        ? [
            null,
            {
              label: trans.__('Group by This'),
              checked: state.by === column.id,
              onClick: () => onChange({ by: state.by === column.id ? '' : column.id, order: null })
            }
          ]
        : []),
      ...(column.fixed
        ? []
        : [
            null,
            move(trans.__('Move Left'), -1),
            move(trans.__('Move Right'), 1),
            { label: trans.__('Hide'), onClick: () => props.onHide(column.id) }
          ])
    ],
    x,
    y
  );
}

/** Mark an end of a metric, or no longer, where it is marked already. */
export function withMark(
  marks: Readonly<Record<string, Mark>>,
  id: string,
  as: Mark
): Readonly<Record<string, Mark>> {
  const { [id]: before, ...rest } = marks;
  return before === as ? rest : { ...rest, [id]: as };
}

/** The menu of a row; what is done is done with all that are selected, if it is one of them. */
export function openRowMenu(
  row: Row,
  session: Session,
  selected: ReadonlySet<string>,
  x: number,
  y: number
): void {
  if (row.kind !== 'run') {
    return;
  }
  const { trans } = session.lab;
  const runs = selected.has(row.id) ? [...selected] : [row.id];
  const canWrite = session.can('write');
  const run = (work: Promise<unknown>): void => {
    work.catch((error: unknown) => console.error(error));
  };
  openMenu(
    [
      {
        label: trans.__('Open'),
        onClick: () => run(session.run(CommandIDs.open, { kind: 'run', subject: row.id }))
      },
      {
        label: trans.__('Copy Id'),
        onClick: () => run(session.run(CommandIDs.copyId, { id: row.id }))
      },
      null,
      {
        label: trans._n('Compare %1 Run', 'Compare %1 Runs', runs.length),
        enabled: runs.length > 1,
        onClick: () => run(session.run(CommandIDs.compare, { runs }))
      },
      {
        label: trans._n('Tag %1 Run…', 'Tag %1 Runs…', runs.length),
        enabled: canWrite && !row.run.deleted,
        onClick: () => run(session.run(CommandIDs.tagRuns, { runs }))
      },
      {
        label: trans._n('Delete %1 Run…', 'Delete %1 Runs…', runs.length),
        enabled: canWrite && !row.run.deleted,
        onClick: () => run(session.run(CommandIDs.deleteRuns, { runs }))
      }
    ],
    x,
    y
  );
}
