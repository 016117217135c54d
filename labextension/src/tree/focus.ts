/** Which row is the tree's tab stop, and how it keeps the focus while rows come, go and are drawn anew. */

import { useCallback, useEffect, useLayoutEffect, useRef, useState } from 'react';

import type { Rows, TreeNode } from './model';
import type { Viewport } from './window';

export interface Focus {
  /** Number of the row that is the tab stop, -1 where there are no rows. */
  readonly stop: number;
  /** A row got the focus. */
  readonly onFocus: (id: string) => void;
  /** Give the focus to a row, once it is drawn. */
  readonly moveTo: (id: string) => void;
}

export function useFocus<N extends TreeNode>(rows: Rows<N>, port: Viewport<N>): Focus {
  const [active, setActive] = useState({ id: '', index: 0 });
  const held = useRef(false);
  const wanted = useRef<string | null>(null);
  const found = rows.indexOf(active.id);
  const stop = found >= 0 ? found : Math.min(active.index, rows.length - 1);

  useEffect(() => {
    const follow = (event: Event): void => {
      held.current = port.contains(event.target);
    };
    document.addEventListener('focusin', follow);
    document.addEventListener('mousedown', follow);
    return () => {
      document.removeEventListener('focusin', follow);
      document.removeEventListener('mousedown', follow);
    };
  }, [port]);

  // Without dependencies: whatever drew the rows anew may have taken the row that had the focus.
  useLayoutEffect(() => {
    const lost = held.current && document.activeElement === document.body;
    const id = wanted.current ?? (lost ? rows.at(stop)?.node.id : null);
    wanted.current = null;
    if (id) {
      port.find(id)?.focus({ preventScroll: true });
    }
  });

  const onFocus = useCallback((id: string) => setActive({ id, index: rows.indexOf(id) }), [rows]);
  const moveTo = useCallback(
    (id: string) => {
      wanted.current = id;
      setActive({ id, index: rows.indexOf(id) });
    },
    [rows]
  );
  return { stop, onFocus, moveTo };
}
