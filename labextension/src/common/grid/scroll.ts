/** Scrolling a grid: which rows are seen, and keeping those that are seen where they are when others come in above. */

import { useCallback, useLayoutEffect, useRef, useState } from 'react';
import type { RefObject } from 'react';

import { seen, shiftOf } from './model';
import type { Anchors, Range } from './model';

export interface ScrollProps {
  readonly nRows: number;
  readonly rowHeight: number;
  readonly headHeight: number;
  /** The id of a row that is known, else null. */
  readonly idAt: (index: number) => string | null;
  /** What the rows are of: when it changes, they are others, and the grid goes to the top. */
  readonly of: string;
  readonly onRange: ((range: Range) => void) | undefined;
  /** Rows came in (or went) above what was seen. */
  readonly onShift: (by: number) => void;
}

export interface Scroll {
  readonly box: RefObject<HTMLDivElement>;
  readonly range: Range;
  readonly height: number;
  readonly onScroll: () => void;
}

/** Until the browser has said how high the grid is; also what a test without layout sees. */
const FIRST_HEIGHT = 600;

export function useScroll(props: ScrollProps): Scroll {
  const { nRows, rowHeight, headHeight, idAt, of, onRange, onShift } = props;
  const box = useRef<HTMLDivElement>(null);
  const [height, setHeight] = useState(FIRST_HEIGHT);
  const [top, setTop] = useState(0);
  const anchors = useRef<Anchors>([]);
  const lastOf = useRef(of);
  const lastHeight = useRef(rowHeight);
  /** Where it was scrolled to: lower rows have moved it by themselves already. */
  const lastTop = useRef(0);

  const onScroll = useCallback(() => {
    const at = box.current?.scrollTop ?? 0;
    lastTop.current = at;
    // Only a change of rows is worth drawing again.
    setTop(before => (Math.floor(before / rowHeight) === Math.floor(at / rowHeight) ? before : at));
  }, [rowHeight]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(() => {
      if (element.clientHeight > 0) {
        setHeight(element.clientHeight);
      }
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useLayoutEffect(() => {
    const element = box.current;
    if (element && lastHeight.current !== rowHeight) {
      // The font is another: what was at the top stays there.
      element.scrollTop = (lastTop.current * rowHeight) / lastHeight.current;
      lastHeight.current = rowHeight;
      setTop(element.scrollTop);
    }
  }, [rowHeight]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) {
      return;
    }
    if (lastOf.current !== of) {
      lastOf.current = of;
      element.scrollTop = 0;
      setTop(0);
    } else {
      const by = shiftOf(anchors.current, idAt, nRows);
      if (by !== 0) {
        onShift(by);
        if (element.scrollTop > 0) {
          element.scrollTop += by * rowHeight;
          setTop(element.scrollTop);
        }
      }
    }
  }, [of, idAt, nRows, rowHeight, onShift]);

  const range = seen(top, height - headHeight, rowHeight, nRows);
  const { first, last } = range;
  useLayoutEffect(() => {
    const known: [string, number][] = [];
    for (let index = first; index < last; index++) {
      const id = idAt(index);
      if (id !== null) {
        known.push([id, index]);
      }
    }
    anchors.current = known;
  }, [first, last, idAt]);
  useLayoutEffect(() => onRange?.({ first, last }), [first, last, onRange]);
  return { box, range, height: height - headHeight, onScroll };
}
