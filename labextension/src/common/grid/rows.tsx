/** The rows of a grid that are drawn. */

import { memo } from 'react';
import type { JSX, MouseEvent, ReactNode } from 'react';

import { SELECT_WIDTH } from './model';
import type { Column } from './model';

/** What a row is to a screen reader, besides its cells. */
export interface RowState {
  /** From 1; absent where rows are not a tree. */
  readonly level?: number;
  /** Absent for what cannot be unfolded. */
  readonly open?: boolean;
  /** Absent for what cannot be selected. */
  readonly selected?: boolean;
  /** What its box says: `Select brave-owl`. */
  readonly selectLabel?: string;
}

export interface GridRowProps<R> {
  readonly base: string;
  readonly index: number;
  readonly top: number;
  readonly columns: readonly Column[];
  readonly row: R | undefined;
  readonly state: RowState;
  readonly hasBoxes: boolean;
  /** The place of the keyboard in this row, or -1. */
  readonly active: number;
  readonly cell: (row: R, column: Column) => ReactNode;
  readonly onClick: (index: number, column: number, event: MouseEvent) => void;
  readonly onBox: (index: number, event: MouseEvent) => void;
  readonly onOpen: (index: number) => void;
}

function Drawn<R>(props: GridRowProps<R>): JSX.Element {
  const { base, index, columns, row, state, active, hasBoxes } = props;
  const nBefore = hasBoxes ? 1 : 0;
  return (
    // eslint-disable-next-line jsx-a11y/interactive-supports-focus -- the grid has the keyboard
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={state.selected}
      aria-level={state.level}
      aria-expanded={state.open}
      className={`jp-MlopsGrid-row${state.selected ? ' jp-mod-selected' : ''}${index % 2 ? ' jp-mod-odd' : ''}`}
      style={{ top: props.top }}
      onDoubleClick={() => props.onOpen(index)}
    >
      {hasBoxes && (
        // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the same
        <div
          role="gridcell"
          id={`${base}-${index}-0`}
          aria-colindex={1}
          className={`jp-MlopsGrid-cell jp-MlopsGrid-box${active === 0 ? ' jp-mod-active' : ''}`}
          style={{ width: SELECT_WIDTH }}
          onClick={event => props.onBox(index, event)}
          onDoubleClick={event => event.stopPropagation()}
        >
          {state.selected !== undefined && (
            <input
              type="checkbox"
              tabIndex={-1}
              readOnly
              checked={state.selected}
              aria-label={state.selectLabel ?? ''}
            />
          )}
        </div>
      )}
      {columns.map((column, at) => (
        // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the same
        <div
          key={column.id}
          role="gridcell"
          id={`${base}-${index}-${at + nBefore}`}
          aria-colindex={at + nBefore + 1}
          className={classOf(column, active === at + nBefore)}
          style={{ width: column.width }}
          onClick={event => props.onClick(index, at + nBefore, event)}
        >
          {row === undefined ? <span className="jp-MlopsGrid-wait" /> : props.cell(row, column)}
        </div>
      ))}
    </div>
  );
}

/** A row is drawn again only when something of it changed: its record, its place, the columns. */
export const GridRow = memo(Drawn, (before, after) =>
  (Object.keys(after) as (keyof typeof after)[]).every(key =>
    key === 'state' ? sameState(before.state, after.state) : Object.is(before[key], after[key])
  )
) as typeof Drawn;

function sameState(before: RowState, after: RowState): boolean {
  return (
    before.level === after.level &&
    before.open === after.open &&
    before.selected === after.selected &&
    before.selectLabel === after.selectLabel
  );
}

function classOf(column: Column, isActive: boolean): string {
  const end = column.align === 'end' ? ' jp-mod-end' : '';
  const fixed = column.fixed ? ' jp-mod-fixed' : '';
  return `jp-MlopsGrid-cell${end}${fixed}${isActive ? ' jp-mod-active' : ''}`;
}
