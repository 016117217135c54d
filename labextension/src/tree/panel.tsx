/**
 * Draws a forest of nodes as one keyboard-reachable tree (the WAI-ARIA pattern, with a roving tab stop), of which only
 * the rows that are looked at are in the document. Sections stay at the top while their rows are looked at.
 */

import {
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore
} from 'react';
import type { CSSProperties, JSX, ReactNode } from 'react';

import { useScale } from '../common/scale';
import { useFocus } from './focus';
import type { Focus } from './focus';
import { moveFor, pressOf } from './keys';
import type { Move } from './keys';
import { ROW_PX, Rows } from './model';
import type { Folds, Row, Slice, TreeNode } from './model';
import { RowBox } from './row';
import type { Place, RowHandlers } from './row';
import { drawnOf, Viewport } from './window';
import type { Range } from './window';

export const SECTION_PX = 28;

/** How a click or a key selects: this alone, this as well or no longer, or all of these. */
export type Selecting = 'only' | 'toggle' | 'range';

export interface TreeProps<N extends TreeNode> {
  readonly label: string;
  readonly forest: readonly N[];
  readonly folds: Folds;
  readonly selected: ReadonlySet<string>;
  readonly onFold: (id: string, open: boolean) => void;
  readonly onSelect: (nodes: readonly N[], how: Selecting) => void;
  /** Enter or a double click on what has a place of its own. */
  readonly onOpen: (node: N) => void;
  /** Enter, Space or a click on a leaf that has none. */
  readonly onAct: (node: N) => void;
  /** A right click, the menu key, or the dots. */
  readonly onMenu: (node: N, place: Place) => void;
  /** What the menu of a node is called; null where it has none. */
  readonly menuLabel: (node: N) => string | null;
  /** Parts of long lists that are in view, or close to it. */
  readonly onSee: (slices: readonly Slice[]) => void;
  /** A row that is to be seen and focused: another object each time that it is asked for. */
  readonly target?: { readonly id: string } | null;
  /** Whether it may have changed since it was asked for. */
  readonly isOld?: boolean;
  readonly draw: (node: N) => ReactNode;
}

export function Tree<N extends TreeNode>(props: TreeProps<N>): JSX.Element {
  const { forest, folds, onSee, target } = props;
  const [port] = useState(() => new Viewport<N>(SECTION_PX));
  const [measured, setMeasured] = useState<ReadonlyMap<string, number>>(new Map());
  const [probe, scale] = useScale();
  const rows = useMemo(() => new Rows(forest, folds, measured, scale), [forest, folds, measured, scale]);
  const { attach, onScroll } = port;
  const view = useSyncExternalStore(port.subscribe, port.snapshot);
  useLayoutEffect(() => port.keep(rows), [port, rows]);
  const focus = useFocus(rows, port);
  const select = useSelect(rows, props.onSelect);

  const { first, end } = drawnOf(rows, view);
  useEffect(() => {
    onSee(rows.slices(first, end));
  }, [rows, first, end, onSee]);
  useEffect(() => {
    if (target) {
      port.show(target.id);
    }
  }, [port, target]);
  const onMeasure = useCallback((id: string, px: number) => {
    setMeasured(before => (before.get(id) === px ? before : new Map(before).set(id, px)));
  }, []);
  const perform = usePerform(props, rows, { focus, select, port });
  const handlers = { ...useHandlers(props, rows, { perform, select, onFocus: focus.onFocus }), onMeasure };

  return (
    <div
      className={`jp-Mlops-tree${props.isOld ? ' jp-mod-old' : ''}`}
      role="tree"
      aria-label={props.label}
      aria-multiselectable="true"
      ref={attach}
      onScroll={onScroll}
      style={{ '--jp-mlops-row': `${Math.round(ROW_PX * scale)}px` } as CSSProperties}
    >
      <span className="jp-Mlops-em" role="presentation" ref={probe} />
      {drawSections(rows, forest, { first, end }, focus.stop, (row, index, top) => (
        <RowBox<N>
          key={row.node.id}
          row={row}
          top={top}
          isStop={index === focus.stop}
          isSelected={props.selected.has(row.node.id)}
          draw={props.draw}
          menuLabel={props.menuLabel(row.node)}
          handlers={handlers}
        />
      ))}
    </div>
  );
}

type Select<N extends TreeNode> = (row: Row<N>, how: Selecting) => void;
type Perform<N extends TreeNode> = (row: Row<N>, move: NonNullable<Move>, place: Place) => void;

function usePerform<N extends TreeNode>(
  props: TreeProps<N>,
  rows: Rows<N>,
  by: { readonly focus: Focus; readonly select: Select<N>; readonly port: Viewport<N> }
): Perform<N> {
  return (row, move, place) => {
    if ('focus' in move) {
      const index = rows.indexOf(move.focus);
      const target = rows.at(index);
      by.focus.moveTo(move.focus);
      by.port.scrollTo(index);
      if (target) {
        by.select(target, move.extend ? 'range' : 'only');
      }
    } else if ('fold' in move) {
      props.onFold(move.fold, move.open);
      if (row.level === 1 && !move.open) {
        by.port.scrollTo(rows.indexOf(row.node.id)); // its rows may have gone away above what is looked at
      }
    } else if ('toggle' in move) {
      by.select(row, 'toggle');
    } else if ('opened' in move) {
      props.onOpen(row.node);
    } else if ('act' in move) {
      props.onAct(row.node);
    } else if (props.menuLabel(row.node) !== null) {
      props.onMenu(row.node, place);
    }
  };
}

function useHandlers<N extends TreeNode>(
  props: TreeProps<N>,
  rows: Rows<N>,
  by: { readonly perform: Perform<N>; readonly select: Select<N>; readonly onFocus: (id: string) => void }
): Omit<RowHandlers<N>, 'onMeasure'> {
  const fold = (row: Row<N>): void => by.perform(row, { fold: row.node.id, open: !row.open }, { x: 0, y: 0 });
  return {
    onClick: (event, row) => {
      const how = event.shiftKey ? 'range' : event.ctrlKey || event.metaKey ? 'toggle' : 'only';
      by.onFocus(row.node.id);
      by.select(row, how);
      if (how === 'only' && !row.node.opens) {
        by.perform(row, pressOf(row), { x: event.clientX, y: event.clientY });
      }
    },
    onDoubleClick: row => {
      if (row.node.opens) {
        props.onOpen(row.node);
      }
    },
    onKeyDown: (event, row) => {
      if (event.metaKey || event.altKey || event.target !== event.currentTarget) {
        return; // a shortcut of Lab's, or a key for a button in the row
      }
      const move = moveFor(rows, row.node.id, event);
      if (move) {
        event.preventDefault();
        event.stopPropagation();
        const { left, bottom } = event.currentTarget.getBoundingClientRect();
        by.perform(row, move, { x: left + 24, y: bottom });
      }
    },
    onFocus: by.onFocus,
    onFold: fold,
    onMenu: (row, place) => props.onMenu(row.node, place)
  };
}

/** All sections are drawn, so that each can stay at the top; of what is in them, what is looked at and the tab stop. */
function drawSections<N extends TreeNode>(
  rows: Rows<N>,
  forest: readonly N[],
  drawn: Range,
  stop: number,
  draw: (row: Row<N>, index: number, top: number | null) => JSX.Element
): readonly JSX.Element[] {
  const heads = forest.map(node => rows.indexOf(node.id));
  return heads.flatMap((head, place) => {
    const section = rows.at(head);
    if (!section) {
      return [];
    }
    const next = heads[place + 1] ?? rows.length;
    const bottom = rows.at(next)?.top ?? rows.height;
    const [from, to] = [Math.max(head + 1, drawn.first), Math.min(next, drawn.end)];
    const indexes = Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);
    if (stop > head && stop < next && (stop < from || stop >= to)) {
      indexes.push(stop);
      indexes.sort((a, b) => a - b);
    }
    return [
      <div
        key={section.node.id}
        className="jp-Mlops-section"
        role="presentation"
        style={{ height: bottom - section.top }}
      >
        {draw(section, head, null)}
        {indexes.map(index => {
          const row = rows.at(index);
          return row && draw(row, index, row.top - section.top);
        })}
      </div>
    ];
  });
}

/** How rows are selected: alone, one more or less, or all of a kind from where the selection began. */
function useSelect<N extends TreeNode>(
  rows: Rows<N>,
  onSelect: (nodes: readonly N[], how: Selecting) => void
): (row: Row<N>, how: Selecting) => void {
  const start = useRef<string | null>(null);
  return (row, how) => {
    const from = how === 'range' && start.current !== null ? rows.indexOf(start.current) : -1;
    if (from < 0) {
      start.current = row.node.id;
      onSelect([row.node], how === 'range' ? 'only' : how);
      return;
    }
    const to = rows.indexOf(row.node.id);
    const between: N[] = [];
    for (let index = Math.min(from, to); index <= Math.max(from, to); index++) {
      const one = rows.at(index);
      if (one?.node.kind === row.node.kind) {
        between.push(one.node);
      }
    }
    onSelect(between, 'range');
  };
}
