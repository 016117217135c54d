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
    // On the document: what was clicked in the panel may be gone, and the focus with it.
    const escape = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') {
        event.stopPropagation();
        setOpen(false);
        opener.current?.focus();
      }
    };
    document.addEventListener('pointerdown', elsewhere, true);
    document.addEventListener('keydown', escape, true);
    return () => {
      document.removeEventListener('pointerdown', elsewhere, true);
      document.removeEventListener('keydown', escape, true);
    };
  }, [isOpen]);
  return (
    <div ref={outer} className="jp-Mlops-popover">
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
