/** The table of runs, once it is known how a person set it up. */

import { useCallback, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useSession, useTrans } from '../api/context';
import { CommandIDs } from '../commands';
import { download } from '../common/download';
import { Grid } from '../common/grid/grid';
import type { Column } from '../common/grid/model';
import type { RowState } from '../common/grid/rows';
import { Button } from '../common/ui/button';
import { ViewHead } from '../common/ui/parts';
import { Prose } from '../common/ui/prose';
import { Busy, Empty, Failed, Stale } from '../common/ui/states';
import { WhereBox } from '../common/where/view';
import { LOAD, MAGIC, magicFor } from '../verbs/magic';
import { Cell } from './cells';
import { fileName, groupsCsv, runsCsv } from './csv';
import { useFilter } from './filter';
import type { RestRow, Row } from './flat';
import type { Change } from './kept';
import { openHeadMenu, openRowMenu } from './menus';
import { askedOf, defaultColumns, fieldOf, gridColumns, kept, nextOrder, orderText, wantedOf } from './model';
import type { KeptColumn, TableState } from './model';
import { fetchRuns, useBest, useKnown } from './queries';
import { useRows } from './rows';
import type { Rows, RowsQuery } from './rows';
import { useSelection } from './select';
import type { Selection } from './select';
import { Selected, Tools } from './toolbar';
import { useWords } from './words';

/** As long as there are no more, names are asked for with every change. */
const FEW = 50;

export interface TableProps {
  readonly subject: string;
  readonly state: TableState;
  readonly onChange: Change;
}

export function Table(props: TableProps): JSX.Element {
  const trans = useTrans();
  const { client } = useSession();
  const { subject, state, onChange } = props;
  const [isTrash, setTrash] = useState(false);
  const filter = useFilter(state.where, subject);
  const [pulse, setPulse] = useState(1);
  const known = useKnown(subject, pulse);
  const names = useMemo(() => known.data ?? [], [known.data]);
  const columns = useMemo(
    () => state.columns ?? defaultColumns(names, subject === ''),
    [state.columns, names, subject]
  );
  const query = useRowsQuery(subject, { ...state, where: filter.applied }, columns, isTrash);
  const rows = useRows(query, (state.columns !== null || !known.isPending) && !filter.isFirst);
  const selection = useSelection(client, query, state.by, rows);
  const words = useWords(state.by);
  const nextPulse = state.columns === null && rows.n !== null && rows.n <= FEW ? rows.updatedAt : pulse;
  if (nextPulse !== pulse) {
    setPulse(nextPulse);
  }
  const onExport = useCallback(
    () => exportTable(client, subject, query, columns),
    [client, subject, query, columns]
  );
  const choose = (id: string, isChosen: boolean): void => {
    const rest = columns.filter(column => column.id !== id);
    onChange({ columns: isChosen ? [...rest, kept(id)] : rest });
  };
  return (
    <div className="jp-MlopsTable">
      <ViewHead
        title={subject || trans.__('All runs')}
        about={<About rows={rows} isTrash={isTrash} />}
        toolbarLabel={trans.__('Table')}
      >
        <Tools
          state={state}
          columns={columns}
          known={names}
          ownWords={words.columns.own}
          isTrash={isTrash}
          onChange={onChange}
          onTrash={on => {
            setTrash(on);
            selection.selectAll(false);
          }}
          onChoose={choose}
          onExport={onExport}
        />
      </ViewHead>
      <div className="jp-MlopsTable-bar">
        <WhereBox
          value={state.where}
          onChange={where => onChange({ where })}
          label={trans.__('Filter runs')}
          placeholder={trans.__("Filter: words in names, or metrics.auc > 0.9 and params.model = 'svm'")}
          error={filter.error}
        />
        <Selected selection={selection} isTrash={isTrash} />
      </div>
      <Body {...props} {...{ isTrash, columns, query, rows, selection }} onHide={id => choose(id, false)} />
    </div>
  );
}

function useRowsQuery(
  subject: string,
  state: TableState,
  columns: readonly KeptColumn[],
  isTrash: boolean
): RowsQuery {
  const { order, by, where, folds } = state;
  return useMemo(() => {
    // The name of a group is what its runs have in common.
    const ofGroup =
      order?.id === 'name'
        ? { ...order, id: by }
        : order && fieldOf(order.id).group === 'metrics'
          ? order
          : null;
    const metrics = columns.map(column => column.id).filter(id => fieldOf(id).group === 'metrics');
    return {
      asked: askedOf(subject, { ...state, where, folds }, isTrash),
      order: orderText(order),
      groupOrder: by ? orderText(ofGroup) : undefined,
      wanted: wantedOf(columns),
      by,
      metrics: metrics.join(', ')
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- of the state only these matter
  }, [subject, where, folds, order, by, columns, isTrash]);
}

function About({ rows, isTrash }: { readonly rows: Rows; readonly isTrash: boolean }): JSX.Element {
  const trans = useTrans();
  const parts = [
    rows.n === null
      ? null
      : trans._n('%1 run', '%1 runs', rows.n).replace(String(rows.n), rows.n.toLocaleString()),
    rows.nGroups === null ? null : trans._n('in %1 group', 'in %1 groups', rows.nGroups),
    isTrash ? trans.__('in the trash') : null
  ];
  return (
    <span role="status">
      {parts.filter(Boolean).join(' ')}
      {rows.note && <span className="jp-MlopsTable-note"> {rows.note}</span>}
    </span>
  );
}

interface BodyProps extends TableProps {
  readonly isTrash: boolean;
  readonly columns: readonly KeptColumn[];
  readonly query: RowsQuery;
  readonly rows: Rows;
  readonly selection: Selection;
  readonly onHide: (id: string) => void;
}

function Body(props: BodyProps): JSX.Element {
  const trans = useTrans();
  const { rows, state, isTrash, onChange } = props;
  if (rows.isWaiting) {
    return <Busy label={trans.__('Loading the runs')} />;
  }
  if (rows.nRows > 0) {
    return (
      <>
        <Stale error={rows.error} />
        <RunGrid {...props} />
      </>
    );
  }
  if (rows.error) {
    return (
      <div className="jp-Mlops-middle">
        <Failed error={rows.error} />
        <Button onClick={() => onChange({ order: null, where: '', by: '' })}>
          {trans.__('Show without order, filter and groups')}
        </Button>
      </div>
    );
  }
  if (state.where.trim()) {
    return (
      <Empty title={trans.__('No run matches the filter.')}>
        <Button onClick={() => onChange({ where: '' })}>{trans.__('Clear the filter')}</Button>
      </Empty>
    );
  }
  return isTrash ? (
    <Empty title={trans.__('The trash is empty.')}>{trans.__('Deleted runs are kept here.')}</Empty>
  ) : (
    <Empty title={trans.__('No runs yet.')}>
      <Prose
        text={trans.__(
          'In a notebook, run `%1` once, then begin a cell with `%2`',
          LOAD,
          props.subject ? magicFor(props.subject) : MAGIC
        )}
      />
    </Empty>
  );
}

function RunGrid(props: BodyProps): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const { state, rows, selection, onChange, columns: chosen, query } = props;
  const words = useWords(state.by);
  const best = useBest(query.asked, state.marks);
  const columns = useMemo(() => gridColumns(chosen, words.columns, state.by), [chosen, words, state.by]);
  const { fold } = rows;
  const onColumns = useCallback(
    (next: readonly Column[]) => onChange({ columns: next.map(({ id, width }) => ({ id, width })) }),
    [onChange]
  );
  const onAll = useCallback((row: RestRow) => onChange({ where: row.where, by: '' }), [onChange]);
  const { by, marks } = state;
  const cell = useCallback(
    (row: Row, column: Column) => (
      <Cell
        row={row}
        column={column}
        words={words.cells}
        by={by}
        marks={marks}
        best={best}
        onFold={fold}
        onAll={onAll}
      />
    ),
    [words, by, marks, best, fold, onAll]
  );
  const open = useOpen(rows, onAll);
  const isTree = by !== '' || query.asked.roots === true;
  const { ids } = selection;
  return (
    <Grid
      label={trans.__('Runs')}
      columns={columns}
      nRows={rows.nRows}
      row={rows.row}
      rowId={rowId}
      cell={cell}
      rowState={row => stateOf(row, ids, isTree, name => trans.__('Select %1', name))}
      of={rows.of}
      isTree={isTree}
      order={state.order}
      onOrder={id => onChange({ order: nextOrder(state.order, id) })}
      onColumns={onColumns}
      onMenu={(column, x, y) =>
        openHeadMenu({ column, columns, state, trans, onChange, onColumns, onHide: props.onHide }, x, y)
      }
      onRowMenu={(index, x, y) => {
        const row = rows.row(index);
        if (row) {
          openRowMenu(row, session, ids, x, y);
        }
      }}
      onRange={rows.onRange}
      onOpen={open}
      onFold={(index, isOpen) => {
        const row = rows.row(index);
        if (row) {
          fold(row, isOpen);
        }
      }}
      onSelect={selection.select}
      onSelectAll={selection.selectAll}
      allSelected={ids.size > 0 && rows.n !== null && ids.size >= rows.n}
      selectAllLabel={trans.__('Select all runs')}
      menuLabel={trans.__('Menu of the column')}
      busy={rows.isBusy}
    />
  );
}

function useOpen(rows: Rows, onAll: (row: RestRow) => void): (index: number) => void {
  const session = useSession();
  const { row: rowAt, fold } = rows;
  return useCallback(
    (index: number) => {
      const row = rowAt(index);
      if (row?.kind === 'run') {
        void session.run(CommandIDs.open, { kind: 'run', subject: row.id });
      } else if (row?.kind === 'group') {
        fold(row, !row.open);
      } else if (row?.kind === 'rest' && row.n !== null) {
        onAll(row);
      }
    },
    [rowAt, fold, onAll, session]
  );
}

function rowId(row: Row): string {
  return row.id;
}

function stateOf(
  row: Row,
  selected: ReadonlySet<string>,
  isTree: boolean,
  select: (name: string) => string
): RowState {
  const canFold = row.kind === 'group' || (row.kind === 'run' && row.nChildren > 0);
  return {
    ...(isTree && { level: row.depth + 1 }),
    ...(canFold && { open: row.open }),
    ...(row.kind === 'run' && {
      selected: selected.has(row.id),
      selectLabel: select(row.run.name.slice(0, 100))
    })
  };
}

async function exportTable(
  client: Parameters<typeof fetchRuns>[0],
  subject: string,
  query: RowsQuery,
  columns: readonly KeptColumn[]
): Promise<void> {
  if (!query.by) {
    const runs = await fetchRuns(client, query);
    const shown = columns.map(column => column.id);
    download(fileName(subject), runsCsv(runs, shown), 'text/csv');
    return;
  }
  const { experiment, where, words, deleted } = query.asked;
  const found = await client.get('/groups', {
    query: {
      by: query.by,
      metrics: query.metrics,
      limit: 10_000,
      ...(experiment && { experiment }),
      ...(where && { where }),
      ...(words && { words }),
      ...(deleted && { deleted }),
      ...(query.groupOrder && { order: query.groupOrder })
    }
  });
  const keys = columns.map(column => fieldOf(column.id)).filter(field => field.group === 'metrics');
  const shown = keys.map(field => field.key);
  download(fileName(subject), groupsCsv(found.items, query.by, shown), 'text/csv');
}
