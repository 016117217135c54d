/** The text of a log, drawn by Lab's own renderer of streams: block by block, only what is seen. */

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import type { CSSProperties, JSX, RefObject } from 'react';

import { useTrans } from '../api/context';
import { Rendered } from '../common/rendered';
import { useScale } from '../common/scale';
import type { Loaded } from './logmodel';

/** At Lab's own size of code: lines are never wrapped, so that a block's height is known before it is drawn. */
const LINE_HEIGHT = 18;

export function LogText(props: {
  readonly loaded: Loaded;
  readonly mime: string;
  readonly follow: boolean;
  readonly onLeaveEnd: () => void;
  /** The line to show, counted from the first that is loaded. */
  readonly mark: number | null;
}): JSX.Element {
  const { loaded, mime, follow, onLeaveEnd, mark } = props;
  const trans = useTrans();
  const scroller = useRef<HTMLDivElement>(null);
  const [probe, scale] = useScale();
  const line = Math.round(LINE_HEIGHT * scale);
  const blocks = useMemo(
    () =>
      loaded.current
        ? [...loaded.blocks, { start: loaded.next, text: loaded.current, nLines: 1 }]
        : loaded.blocks,
    [loaded]
  );
  const isFirst = useRef(loaded.start);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing in here is memoised
  const rows = useVirtualizer({
    count: blocks.length,
    getScrollElement: () => scroller.current,
    estimateSize: index => (blocks[index]?.nLines ?? 0) * line,
    getItemKey: index => blocks[index]?.start ?? index,
    overscan: 1
  });
  const total = blocks.reduce((n, block) => n + block.nLines, 0) * line;
  useLayoutEffect(() => {
    rows.measure();
    const node = scroller.current;
    if (node && follow) {
      node.scrollTop = total;
    } else if (node && mark !== null) {
      node.scrollTop = Math.max(0, (mark - 4) * line);
    } else if (node && loaded.start < isFirst.current) {
      node.scrollTop += total - node.scrollHeight; // what was read stays where it is
    }
    isFirst.current = loaded.start;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- scrolled for what is loaded, not again while somebody scrolls
  }, [blocks, follow, mark, line]);
  useLeaving(scroller, follow ? onLeaveEnd : null, 3 * line);
  return (
    <div
      ref={scroller}
      className="jp-Mlops-runLogScroll"
      role="log"
      aria-label={trans.__('What the run wrote')}
      // Nothing in it takes the focus, and it is to be scrolled by keyboard.
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
    >
      <span className="jp-Mlops-em jp-mod-code" ref={probe} />
      <div style={{ height: total, position: 'relative', '--jp-mlops-line': `${line}px` } as CSSProperties}>
        {mark !== null && <div className="jp-Mlops-runLogMark" style={{ top: mark * line, height: line }} />}
        {rows.getVirtualItems().map(item => (
          <div
            key={item.key}
            className="jp-Mlops-runLogBlock"
            style={{ transform: `translateY(${item.start}px)`, height: item.size }}
          >
            <BlockText text={blocks[item.index]?.text ?? ''} mime={mime} />
          </div>
        ))}
      </div>
    </div>
  );
}

function BlockText({ text, mime }: { readonly text: string; readonly mime: string }): JSX.Element {
  const data = useMemo(() => ({ [mime]: text }), [mime, text]);
  return <Rendered data={data} otherwise={text} />;
}

/** Tell when a person scrolls further from the end than that, by whatever means: what grows while it is followed stays there. */
function useLeaving(scroller: RefObject<HTMLElement>, onLeave: (() => void) | null, far: number): void {
  useEffect(() => {
    const node = scroller.current;
    if (!node || !onLeave) {
      return;
    }
    const onScroll = (): void => {
      // In a hidden tab it has no height, and no place either.
      if (node.clientHeight > 0 && node.scrollTop + node.clientHeight < node.scrollHeight - far) {
        onLeave();
      }
    };
    node.addEventListener('scroll', onScroll, { passive: true });
    return () => node.removeEventListener('scroll', onScroll);
  }, [scroller, onLeave, far]);
}
