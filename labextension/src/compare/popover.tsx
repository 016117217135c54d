/** A button that opens a small panel below it; Escape and a click elsewhere close it. */

import { useEffect, useId, useRef, useState } from 'react';
import type { JSX, ReactNode } from 'react';

export interface PopoverProps {
  readonly button: ReactNode;
  /** Names the panel. */
  readonly label: string;
  readonly children: ReactNode;
}

export function Popover({ button, label, children }: PopoverProps): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const id = useId();
  const outer = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isOpen) {
      return;
    }
    outer.current?.querySelector<HTMLElement>('input, select, [role="dialog"] button')?.focus();
    const elsewhere = (event: Event): void => {
      if (!outer.current?.contains(event.target as Node)) {
        setOpen(false);
      }
    };
    document.addEventListener('pointerdown', elsewhere, true);
    return () => document.removeEventListener('pointerdown', elsewhere, true);
  }, [isOpen]);
  return (
    // The keys of what is inside: Escape closes.
    // eslint-disable-next-line jsx-a11y/no-static-element-interactions
    <div
      ref={outer}
      className="jp-Mlops-popover"
      onKeyDown={event => {
        if (event.key === 'Escape' && isOpen) {
          event.stopPropagation();
          setOpen(false);
          opener.current?.focus();
        }
      }}
    >
      <button
        ref={opener}
        type="button"
        className="jp-Mlops-button jp-mod-plain"
        aria-haspopup="dialog"
        aria-expanded={isOpen}
        aria-controls={isOpen ? id : undefined}
        onClick={() => setOpen(!isOpen)}
      >
        {button}
      </button>
      {isOpen && (
        <div id={id} className="jp-Mlops-popoverPanel" role="dialog" aria-label={label}>
          {children}
        </div>
      )}
    </div>
  );
}
