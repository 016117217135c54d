/** One row of the tree, whatever it shows. */

import { useLayoutEffect, useMemo, useRef } from 'react';
import type { JSX, KeyboardEvent, MouseEvent, ReactNode, RefObject } from 'react';

import { CaretIcon, DotsIcon } from '../common/icons';
import type { Row, TreeNode } from './model';

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface RowHandlers<N extends TreeNode> {
  readonly onClick: (event: MouseEvent<HTMLElement>, row: Row<N>) => void;
  readonly onDoubleClick: (row: Row<N>) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLElement>, row: Row<N>) => void;
  readonly onFocus: (id: string) => void;
  readonly onFold: (row: Row<N>) => void;
  readonly onMenu: (row: Row<N>, place: Place) => void;
  /** How high a row is that wraps. */
  readonly onMeasure: (id: string, px: number) => void;
}

export interface RowBoxProps<N extends TreeNode> {
  readonly row: Row<N>;
  /** Pixels below the beginning of its section; null for the section itself. */
  readonly top: number | null;
  readonly isStop: boolean;
  readonly isSelected: boolean;
  readonly draw: (node: N) => ReactNode;
  /** What the dots are called; null where there is no menu. */
  readonly menuLabel: string | null;
  readonly handlers: RowHandlers<N>;
}

export function RowBox<N extends TreeNode>(props: RowBoxProps<N>): JSX.Element {
  const { row, top, draw, handlers, menuLabel } = props;
  const { node, open } = row;
  const content = useMemo(() => draw(node), [draw, node]);
  const box = useMeasured(node, handlers.onMeasure);
  const wraps = node.height === 'text';
  return (
    <div
      ref={box}
      data-id={node.id}
      className={`jp-Mlops-row jp-mod-${node.kind}`}
      role="treeitem"
      aria-label={node.label}
      aria-level={row.level}
      aria-posinset={row.position}
      aria-setsize={row.size}
      aria-expanded={open ?? undefined}
      aria-selected={props.isSelected}
      tabIndex={props.isStop ? 0 : -1}
      style={{
        paddingLeft: `calc(${Math.max(0, row.level - 2)} * var(--jp-mlops-indent))`,
        ...(top === null ? {} : { position: 'absolute', top, insetInline: 0 }),
        ...(wraps ? {} : { height: row.height })
      }}
      onClick={event => handlers.onClick(event, row)}
      onDoubleClick={() => handlers.onDoubleClick(row)}
      onContextMenu={event => {
        if (menuLabel !== null && !event.shiftKey) {
          event.preventDefault(); // with Shift, the browser's own, as everywhere in Lab
          event.stopPropagation();
          handlers.onMenu(row, { x: event.clientX, y: event.clientY });
        }
      }}
      onFocus={() => handlers.onFocus(node.id)}
      onKeyDown={event => handlers.onKeyDown(event, row)}
    >
      {/* For the mouse alone: keys fold by the arrows, and the row says whether it is unfolded. */}
      <span
        className="jp-Mlops-twisty"
        aria-hidden="true"
        onClick={event => {
          if (open !== null) {
            event.stopPropagation();
            handlers.onFold(row);
          }
        }}
        onDoubleClick={event => event.stopPropagation()}
      >
        {open !== null && <CaretIcon />}
      </span>
      {content}
      {menuLabel !== null && (
        <button
          type="button"
          className="jp-Mlops-action jp-mod-dots"
          title={menuLabel}
          aria-label={menuLabel}
          aria-haspopup="menu"
          tabIndex={-1}
          onClick={event => {
            event.stopPropagation();
            const { left, bottom } = event.currentTarget.getBoundingClientRect();
            handlers.onMenu(row, { x: left, y: bottom });
          }}
          onDoubleClick={event => event.stopPropagation()}
        >
          <DotsIcon />
        </button>
      )}
    </div>
  );
}

function useMeasured(node: TreeNode, onMeasure: (id: string, px: number) => void): RefObject<HTMLDivElement> {
  const box = useRef<HTMLDivElement>(null);
  const { id, height } = node;
  useLayoutEffect(() => {
    const element = box.current;
    if (height !== 'text' || !element) {
      return undefined;
    }
    const measure = (): void => {
      // Nothing is laid out while the panel is hidden.
      if (element.offsetHeight > 0) {
        onMeasure(id, element.offsetHeight);
      }
    };
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    measure();
    return () => observer.disconnect();
  }, [id, height, onMeasure]);
  return box;
}
