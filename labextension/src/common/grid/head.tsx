/** The head of a grid: labels that sort, edges that resize, and columns that are dragged to another place. */

import { useRef, useState } from 'react';
import type { JSX, PointerEvent } from 'react';

import { moved, placeAt, resized } from './model';
import type { Column, GridOrder } from './model';

/** How far a label is dragged before it is a drag and not a click. */
const DRAG_PX = 5;

export interface HeadProps {
  readonly base: string;
  readonly columns: readonly Column[];
  /** Columns before these: the one with the boxes. */
  readonly nBefore: number;
  readonly order: GridOrder | null;
  /** The place of the keyboard in the head, or -1. */
  readonly active: number;
  readonly menuLabel: string;
  readonly onOrder: (id: string) => void;
  readonly onColumns: (columns: readonly Column[]) => void;
  readonly onMenu: ((column: Column, x: number, y: number) => void) | undefined;
}

interface Drag {
  readonly id: string;
  readonly fromX: number;
  /** Where it would go. */
  readonly to: number | null;
}

export function HeadCells(props: HeadProps): JSX.Element {
  const { columns } = props;
  const [drag, setDrag] = useState<Drag | null>(null);
  const cells = useRef<HTMLDivElement>(null);
  /** Whether what ends now was a drag: a click comes behind it. */
  const wasDrag = useRef(false);

  const drop = (): void => {
    if (drag?.to !== null && drag !== null) {
      const from = columns.findIndex(column => column.id === drag.id);
      props.onColumns(moved(columns, drag.id, drag.to > from ? drag.to - 1 : drag.to));
    }
    setDrag(null);
  };
  return (
    <div
      ref={cells}
      className="jp-MlopsGrid-cells"
      onPointerMove={event => {
        if (drag && (drag.to !== null || Math.abs(event.clientX - drag.fromX) > DRAG_PX)) {
          if (!wasDrag.current) {
            wasDrag.current = true;
            event.currentTarget.setPointerCapture(event.pointerId); // it may leave the head
          }
          const left = cells.current?.getBoundingClientRect().left ?? 0;
          setDrag({ ...drag, to: placeAt(columns, event.clientX - left) });
        }
      }}
      onPointerUp={drop}
      onPointerCancel={() => setDrag(null)}
    >
      {columns.map((column, index) => (
        <HeadCell
          key={column.id}
          {...props}
          column={column}
          index={index}
          dropsBefore={drag?.to === index}
          dropsAfter={drag?.to === columns.length && index === columns.length - 1}
          isDragged={drag?.id === column.id && drag.to !== null}
          onGrab={x => {
            wasDrag.current = false;
            setDrag({ id: column.id, fromX: x, to: null });
          }}
          wasDragged={() => wasDrag.current}
        />
      ))}
    </div>
  );
}

interface HeadCellProps extends HeadProps {
  readonly column: Column;
  readonly index: number;
  readonly dropsBefore: boolean;
  readonly dropsAfter: boolean;
  readonly isDragged: boolean;
  readonly onGrab: (x: number) => void;
  readonly wasDragged: () => boolean;
}

function HeadCell(props: HeadCellProps): JSX.Element {
  const { column, index, order, active } = props;
  const sorted = order?.id === column.id ? (order.descending ? 'descending' : 'ascending') : undefined;
  const classes = [
    'jp-MlopsGrid-headCell',
    column.align === 'end' && 'jp-mod-end',
    column.fixed && 'jp-mod-fixed',
    active === index && 'jp-mod-active',
    props.dropsBefore && 'jp-mod-dropBefore',
    props.dropsAfter && 'jp-mod-dropAfter',
    props.isDragged && 'jp-mod-dragged',
    column.sortable && 'jp-mod-sortable'
  ];
  return (
    // The grid itself has the keyboard, and says by aria-activedescendant where it is.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus
    <div
      role="columnheader"
      id={`${props.base}-head-${index}`}
      aria-colindex={index + 1 + props.nBefore}
      // Without this its name would have that of the menu's button in it.
      aria-label={[column.group, column.label.slice(0, 300)].filter(Boolean).join(' ')}
      aria-haspopup={props.onMenu ? 'menu' : undefined}
      aria-sort={column.sortable ? (sorted ?? 'none') : undefined}
      className={classes.filter(Boolean).join(' ')}
      style={{ width: column.width }}
      title={column.title ?? column.label}
      onPointerDown={event => {
        if (event.button === 0 && !column.fixed) {
          props.onGrab(event.clientX);
        }
      }}
      onClick={() => {
        if (column.sortable && !props.wasDragged()) {
          props.onOrder(column.id);
        }
      }}
      onContextMenu={event => {
        if (props.onMenu) {
          event.preventDefault();
          event.stopPropagation();
          props.onMenu(column, event.clientX, event.clientY);
        }
      }}
    >
      <span className="jp-MlopsGrid-label">
        {column.group && <span className="jp-MlopsGrid-group">{column.group}</span>}
        <bdi>{column.label.slice(0, 300)}</bdi>
      </span>
      {sorted && <SortIcon descending={sorted === 'descending'} />}
      {props.onMenu && <MenuButton {...props} />}
      <Edge column={column} columns={props.columns} onColumns={props.onColumns} />
    </div>
  );
}

function MenuButton({ column, menuLabel, onMenu }: HeadCellProps): JSX.Element {
  return (
    <button
      type="button"
      tabIndex={-1}
      className="jp-MlopsGrid-menu"
      aria-label={`${menuLabel}: ${column.label.slice(0, 100)}`}
      onPointerDown={event => event.stopPropagation()}
      onClick={event => {
        event.stopPropagation();
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        onMenu?.(column, left, bottom);
      }}
    >
      <svg viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
        <path d="M3 6h10L8 11Z" />
      </svg>
    </button>
  );
}

function SortIcon({ descending }: { readonly descending: boolean }): JSX.Element {
  return (
    <svg className="jp-MlopsGrid-sort" viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
      <path d={descending ? 'M8 2.5v11M4 9.5l4 4 4-4' : 'M8 13.5v-11M4 6.5l4-4 4 4'} />
    </svg>
  );
}

/** The edge that is dragged to make a column wider. By keyboard the grid does it, with Shift and an arrow. */
function Edge(props: {
  readonly column: Column;
  readonly columns: readonly Column[];
  readonly onColumns: (columns: readonly Column[]) => void;
}): JSX.Element {
  const start = useRef<{ readonly x: number; readonly columns: readonly Column[] } | null>(null);
  const drag = (event: PointerEvent<HTMLElement>): void => {
    if (start.current) {
      const { x, columns } = start.current;
      const sign = getComputedStyle(event.currentTarget).direction === 'rtl' ? -1 : 1;
      props.onColumns(resized(columns, props.column.id, sign * (event.clientX - x)));
    }
  };
  return (
    <span
      className="jp-MlopsGrid-edge"
      aria-hidden="true"
      onClick={event => event.stopPropagation()}
      onPointerDown={event => {
        event.stopPropagation();
        start.current = { x: event.clientX, columns: props.columns };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
      onPointerUp={() => (start.current = null)}
      onPointerCancel={() => (start.current = null)}
    />
  );
}
