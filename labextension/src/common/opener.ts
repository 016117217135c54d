/** The button that opens something: it has the focus again when that closes and takes the focus with it. */

import { useCallback, useEffect, useRef } from 'react';
import type { RefObject } from 'react';

/** Return the reference for the element around the button, and what gives that button the focus. */
export function useOpener(isOpen: boolean): readonly [RefObject<HTMLSpanElement>, () => void] {
  const around = useRef<HTMLSpanElement>(null);
  const wasOpen = useRef(isOpen);
  const focus = useCallback(() => around.current?.querySelector('button')?.focus(), []);
  useEffect(() => {
    if (wasOpen.current && !isOpen && document.activeElement === document.body) {
      focus();
    }
    wasOpen.current = isOpen;
  }, [isOpen, focus]);
  return [around, focus];
}
