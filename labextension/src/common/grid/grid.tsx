/**
 * A table of any length: draws the rows that are seen, sorts by its head, moves and resizes its columns, selects, and is
 * walked with the keyboard as the WAI-ARIA pattern for grids has it. What rows are is told by who uses it.
 */

import { useCallback, useId, useMemo, useState } from 'react';
import type { CSSProperties, JSX, MouseEvent, ReactNode } from 'react';

import { useScale } from '../scale';
import { HeadCells } from './head';
import { useGridKeys } from './keys';
import { scaled, SELECT_WIDTH, widened } from './model';
import type { Cell, Column, GridOrder, Range } from './model';
import { GridRow } from './rows';
import type { RowState } from './rows';
import { useScroll } from './scroll';
import { heightsAt } from './size';
import type { Heights } from './size';

/** Rows drawn above and below what is seen. */
const MARGIN = 6;

/** How a row is selected: it alone, it as well, or all from the last one to it. */
export type SelectHow = 'only' | 'toggle' | 'range';

export interface GridProps<R> {
  readonly label: string;
  readonly columns: readonly Column[];
  readonly nRows: number;
  /** A row, undefined while it is not known. The function changes when rows do. */
  readonly row: (index: number) => R | undefined;
  readonly rowId: (row: R) => string;
  readonly cell: (row: R, column: Column) => ReactNode;
  readonly rowState?: (row: R) => RowState;
  /** What the rows are of; when it changes, the grid goes to the top. */
  readonly of?: string;
  readonly isTree?: boolean;
  readonly order?: GridOrder | null;
  readonly onOrder?: (id: string) => void;
  readonly onColumns?: (columns: readonly Column[]) => void;
  readonly onMenu?: (column: Column, x: number, y: number) => void;
  readonly onRowMenu?: (index: number, x: number, y: number) => void;
  readonly onRange?: (range: Range) => void;
  readonly onOpen?: (index: number) => void;
  readonly onFold?: (index: number, open: boolean) => void;
  readonly onSelect?: (index: number, how: SelectHow) => void;
  /** Select all, or nothing. */
  readonly onSelectAll?: (all: boolean) => void;
  readonly allSelected?: boolean;
  readonly selectAllLabel?: string;
  readonly menuLabel?: string;
  readonly busy?: boolean;
}

const NOTHING = (): void => undefined;
const NO_STATE: RowState = {};

/** `onSelect`, `onOpen` and `cell` should be the same functions from one drawing to the next: rows are then drawn once. */
export function Grid<R>(props: GridProps<R>): JSX.Element {
  const [probe, scale] = useScale();
  const { columns, onColumns } = useScaled(props, scale);
  const heights = useMemo(() => heightsAt(scale), [scale]);
  return (
    <>
      <span className="jp-Mlops-em" ref={probe} />
      <Scaled {...props} {...{ columns, onColumns, heights }} />
    </>
  );
}

/** Columns are kept as they are wide at Lab's own font size. */
function useScaled(
  { columns, onColumns = NOTHING }: Pick<GridProps<never>, 'columns' | 'onColumns'>,
  scale: number
): Required<Pick<GridProps<never>, 'columns' | 'onColumns'>> {
  return {
    columns: useMemo(() => scaled(columns, scale), [columns, scale]),
    onColumns: useCallback(next => onColumns(scaled(next, 1 / scale)), [onColumns, scale])
  };
}

interface ScaledProps<R> extends GridProps<R> {
  readonly heights: Heights;
}

function Scaled<R>(props: ScaledProps<R>): JSX.Element {
  const { columns, nRows, row, rowId, onSelect, heights } = props;
  const base = useId();
  const hasBoxes = onSelect !== undefined;
  const nBefore = hasBoxes ? 1 : 0;
  const [active, setActive] = useState<Cell>({ row: -1, column: nBefore });
  const idAt = useCallback(
    (index: number) => {
      const found = row(index);
      return found === undefined ? null : rowId(found);
    },
    [row, rowId]
  );
  const onShift = useCallback(
    (by: number) => setActive(cell => (cell.row < 0 ? cell : { ...cell, row: Math.max(0, cell.row + by) })),
    []
  );
  const { box, range, height, onScroll } = useScroll({
    nRows,
    rowHeight: heights.row,
    headHeight: heights.head,
    idAt,
    of: props.of ?? '',
    onRange: props.onRange,
    onShift
  });
  const at: Cell = { row: Math.min(active.row, nRows - 1), column: Math.min(active.column, columns.length) };
  const onKeyDown = useGridKeys({ ...props, hasBoxes, active: at, setActive, box, height });

  const drawn = widened(range, MARGIN, nRows);
  const width = columns.reduce((sum, column) => sum + column.width, hasBoxes ? SELECT_WIDTH : 0);
  const isDrawn = at.row < 0 || (at.row >= drawn.first && at.row < drawn.last);
  const activeId = at.row < 0 ? headId(base, at.column - nBefore) : `${base}-${at.row}-${at.column}`;
  return (
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions -- its role is one of two
    <div
      ref={box}
      role={props.isTree ? 'treegrid' : 'grid'}
      aria-label={props.label}
      aria-rowcount={nRows + 1}
      aria-colcount={columns.length + nBefore}
      aria-multiselectable={hasBoxes ? true : undefined}
      aria-busy={props.busy ? true : undefined}
      aria-activedescendant={isDrawn ? activeId : undefined}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the same
      tabIndex={0}
      className="jp-MlopsGrid"
      style={styleOf(heights)}
      onScroll={onScroll}
      onKeyDown={onKeyDown}
      onContextMenu={event => rowMenu(event, base, props.onRowMenu)}
    >
      <Head {...props} base={base} width={width} at={at} />
      <div
        role="rowgroup"
        className="jp-MlopsGrid-body"
        style={{ minWidth: width, height: nRows * heights.row }}
      >
        <Rows {...props} base={base} drawn={drawn} active={at} setActive={setActive} />
      </div>
    </div>
  );
}

function styleOf({ row, head }: Heights): CSSProperties {
  return { '--jp-mlops-grid-row': `${row}px`, '--jp-mlops-grid-head': `${head}px` } as CSSProperties;
}

function Head<R>(
  props: GridProps<R> & { readonly base: string; readonly width: number; readonly at: Cell }
): JSX.Element {
  const { base, at } = props;
  const nBefore = props.onSelect ? 1 : 0;
  return (
    <div role="rowgroup" className="jp-MlopsGrid-head" style={{ minWidth: props.width }}>
      <div role="row" aria-rowindex={1} className="jp-MlopsGrid-headRow">
        {nBefore > 0 && <AllBox {...props} id={headId(base, -1)} isActive={at.row < 0 && at.column === 0} />}
        <HeadCells
          base={base}
          columns={props.columns}
          nBefore={nBefore}
          order={props.order ?? null}
          active={at.row < 0 ? at.column - nBefore : -1}
          menuLabel={props.menuLabel ?? ''}
          onOrder={props.onOrder ?? NOTHING}
          onColumns={props.onColumns ?? NOTHING}
          onMenu={props.onMenu}
        />
      </div>
    </div>
  );
}

interface RowsProps<R> extends ScaledProps<R> {
  readonly base: string;
  readonly drawn: Range;
  readonly active: Cell;
  readonly setActive: (cell: Cell) => void;
}

function Rows<R>(props: RowsProps<R>): JSX.Element {
  const { base, drawn, active, setActive, row, onSelect, onOpen = NOTHING } = props;
  const onClick = useCallback(
    (index: number, column: number, event: MouseEvent) => {
      setActive({ row: index, column });
      onSelect?.(index, howOf(event, 'only'));
    },
    [onSelect, setActive]
  );
  const onBox = useCallback(
    (index: number, event: MouseEvent) => {
      setActive({ row: index, column: 0 });
      onSelect?.(index, howOf(event, 'toggle'));
    },
    [onSelect, setActive]
  );
  return (
    <>
      {Array.from({ length: Math.max(0, drawn.last - drawn.first) }, (_, offset) => {
        const index = drawn.first + offset;
        const found = row(index);
        return (
          <GridRow
            // By its place and not by what is in it: sorting then changes texts, and makes no elements.
            key={index}
            base={base}
            index={index}
            top={index * props.heights.row}
            columns={props.columns}
            row={found}
            state={found === undefined ? NO_STATE : (props.rowState?.(found) ?? NO_STATE)}
            hasBoxes={onSelect !== undefined}
            active={active.row === index ? active.column : -1}
            cell={props.cell}
            onClick={onClick}
            onBox={onBox}
            onOpen={onOpen}
          />
        );
      })}
    </>
  );
}

function AllBox<R>(props: GridProps<R> & { readonly id: string; readonly isActive: boolean }): JSX.Element {
  return (
    <div
      role="columnheader"
      id={props.id}
      aria-colindex={1}
      className={`jp-MlopsGrid-headCell jp-MlopsGrid-box${props.isActive ? ' jp-mod-active' : ''}`}
      style={{ width: SELECT_WIDTH }}
    >
      <input
        type="checkbox"
        tabIndex={-1}
        checked={props.allSelected ?? false}
        aria-label={props.selectAllLabel ?? ''}
        title={props.selectAllLabel}
        onChange={event => props.onSelectAll?.(event.currentTarget.checked)}
      />
    </div>
  );
}

function headId(base: string, index: number): string {
  return index < 0 ? `${base}-head-box` : `${base}-head-${index}`;
}

function howOf(event: MouseEvent, plain: SelectHow): SelectHow {
  return event.shiftKey ? 'range' : event.ctrlKey || event.metaKey ? 'toggle' : plain;
}

/** A right click on a row. */
function rowMenu(event: MouseEvent, base: string, open: GridProps<never>['onRowMenu']): void {
  const cell = (event.target as Element).closest('[role="gridcell"]');
  const index = cell?.id.startsWith(`${base}-`) ? Number(cell.id.slice(base.length + 1).split('-')[0]) : NaN;
  if (open && Number.isInteger(index)) {
    event.preventDefault();
    event.stopPropagation();
    open(index, event.clientX, event.clientY);
  }
}
