/** Draws a forest of nodes as one keyboard-reachable tree (the WAI-ARIA pattern, with a roving tab stop). */

import { useCallback, useRef, useState } from 'react';
import type { JSX, KeyboardEvent, ReactNode } from 'react';

import { CaretIcon } from '../common/icons';
import { moveFor, rowsOf } from './model';
import type { Folds, Row, TreeNode } from './model';

export interface TreeProps<N extends TreeNode> {
  readonly label: string;
  readonly forest: readonly N[];
  readonly folds: Folds;
  readonly onFold: (id: string, open: boolean) => void;
  /** Enter, Space or a click on a leaf. */
  readonly onAct: (node: N) => void;
  readonly draw: (node: N) => ReactNode;
}

export function Tree<N extends TreeNode>(props: TreeProps<N>): JSX.Element {
  const { forest, folds, onFold, onAct, draw } = props;
  const rows = rowsOf(forest, folds);
  const [active, setActive] = useState<string | null>(null);
  const box = useRef<HTMLDivElement>(null);
  const stop = rows.some(row => row.node.id === active) ? active : (rows[0]?.node.id ?? null);

  const focus = useCallback((id: string) => {
    setActive(id);
    const elements = [...(box.current?.querySelectorAll<HTMLElement>('[data-id]') ?? [])];
    elements.find(element => element.dataset.id === id)?.focus();
  }, []);

  const press = (row: Row<N>): void => {
    setActive(row.node.id);
    if (row.open === null) {
      onAct(row.node);
    } else {
      onFold(row.node.id, !row.open);
    }
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>, row: Row<N>): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== event.currentTarget) {
      return; // a shortcut of Lab's, or a key for a button in the row
    }
    const move = moveFor(rows, row.node.id, event.key);
    if (!move) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if ('focus' in move) {
      focus(move.focus);
    } else if ('fold' in move) {
      onFold(move.fold, move.open);
    } else {
      onAct(row.node);
    }
  };

  return (
    <div className="jp-Mlops-tree" role="tree" aria-label={props.label} ref={box}>
      {rows.map(row => (
        <div
          key={row.node.id}
          data-id={row.node.id}
          className={`jp-Mlops-row jp-mod-${row.node.kind}`}
          role="treeitem"
          aria-label={row.node.label}
          aria-level={row.level}
          aria-posinset={row.position}
          aria-setsize={row.size}
          aria-expanded={row.open ?? undefined}
          aria-selected={row.node.id === active}
          tabIndex={row.node.id === stop ? 0 : -1}
          style={{ paddingLeft: `calc(${Math.max(0, row.level - 2)} * var(--jp-mlops-indent))` }}
          onClick={() => press(row)}
          onFocus={() => setActive(row.node.id)}
          onKeyDown={event => onKeyDown(event, row)}
        >
          <span className="jp-Mlops-twisty">{row.open !== null && <CaretIcon />}</span>
          {draw(row.node)}
        </div>
      ))}
    </div>
  );
}
