/** Buttons in one row. Those for which there is no room are entries of a menu at its end. */

import { useCallback, useLayoutEffect, useRef, useState } from 'react';
import type { JSX, RefObject } from 'react';

import { useTrans } from '../../api/context';
import { DotsIcon } from '../icons';
import { openMenu } from '../menu';
import { Button } from './button';
import type { ButtonProps } from './button';
import { fit, total } from './fit';
import type { Fit } from './fit';

export interface Action extends Omit<ButtonProps, 'children' | 'onClick'> {
  readonly id: string;
  readonly label: string;
  readonly onClick: () => void;
}

const GAP_PX = 6;
/** Of the button that opens the menu. */
const MORE_PX = 28;

/** What a person most likely wants comes first: it goes into the menu last. */
export function Actions({ actions }: { readonly actions: readonly Action[] }): JSX.Element {
  const trans = useTrans();
  const { outer, row, shown, n } = useRoom(actions.map(({ id, label }) => `${id} ${label}`).join('\n'));
  const rest = actions.slice(n);
  const label = trans.__('More actions');
  return (
    <div
      ref={outer}
      className={`jp-Mlops-actions${shown?.isBelow ? ' jp-mod-below' : ''}`}
      style={shown ? { width: shown.all } : undefined}
    >
      <div
        ref={row}
        className="jp-Mlops-actionRow"
        style={{ gap: GAP_PX, ...(rest.length > 0 && { width: shown?.width }) }}
      >
        {actions.map(({ id, label: text, ...button }, at) => (
          <span key={id} className={at < n ? undefined : 'jp-mod-rest'}>
            <Button {...button}>{text}</Button>
          </span>
        ))}
      </div>
      {rest.length > 0 && (
        <button
          type="button"
          className="jp-Mlops-iconButton jp-mod-more"
          style={{ width: MORE_PX, marginInlineStart: n > 0 ? GAP_PX : 0 }}
          title={label}
          aria-label={label}
          aria-haspopup="menu"
          onClick={event => openRest(event.currentTarget, rest, event.detail === 0)}
          onKeyDown={event => {
            if (event.key === 'ArrowDown') {
              event.preventDefault();
              openRest(event.currentTarget, rest, true);
            }
          }}
        >
          <DotsIcon />
        </button>
      )}
    </div>
  );
}

function openRest(button: HTMLElement, rest: readonly Action[], byKey: boolean): void {
  const { left, bottom } = button.getBoundingClientRect();
  openMenu(
    rest.map(({ label, refused, pressed, onClick }) => ({
      // In a menu there is no place at the mouse for why not.
      label: refused ? `${label} (${refused})` : label,
      enabled: !refused,
      onClick,
      ...(pressed !== undefined && { checked: pressed })
    })),
    left,
    bottom,
    byKey
  );
}

interface Shown extends Fit {
  /** What all would take, in pixels. */
  readonly all: number;
  /** Below the title they begin where it does; beside it they end where the view does. */
  readonly isBelow: boolean;
}

interface Room {
  readonly outer: RefObject<HTMLDivElement>;
  readonly row: RefObject<HTMLDivElement>;
  /** Null until it is known; where nothing is laid out, all are drawn. */
  readonly shown: Shown | null;
  readonly n: number;
}

/** Measure what buttons take, again when they are others (`of`), when the room changes and when the font does. */
function useRoom(of: string): Room {
  const outer = useRef<HTMLDivElement>(null);
  const row = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const measure = useCallback(() => {
    const widths = [...(row.current?.children ?? [])].map(one => one.getBoundingClientRect().width);
    const all = Math.ceil(total(widths, GAP_PX));
    const bar = outer.current?.parentElement;
    const room = bar?.getBoundingClientRect();
    if (all > 0 && room?.width) {
      const title = bar?.previousElementSibling?.getBoundingClientRect();
      const next = {
        ...fit(widths, GAP_PX, outer.current?.clientWidth ?? 0, MORE_PX),
        all,
        isBelow: title !== undefined && room.top >= title.bottom
      };
      setShown(before => (JSON.stringify(before) === JSON.stringify(next) ? before : next));
    }
  }, []);
  useLayoutEffect(() => {
    const observer = new ResizeObserver(measure);
    [outer.current, ...(row.current?.children ?? [])].forEach(one => one && observer.observe(one));
    measure();
    return () => observer.disconnect();
  }, [measure, of]);
  return { outer, row, shown, n: shown?.n ?? Number.POSITIVE_INFINITY };
}
