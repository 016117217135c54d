/** How large Lab's font is, which a person may change while rows are drawn whose places are reckoned. */

import { useCallback, useRef, useState } from 'react';

/** The font size in pixels for which heights of rows are given: Lab's own. */
const FONT_PX = 13;
/** Of what is measured, so that its height tells fractions of a pixel. */
const PROBE_EM = 10;

/** Return a ref for an element ten times as high as the font (`jp-Mlops-em`), and how much larger that is than Lab's own. */
export function useScale(): readonly [(probe: HTMLElement | null) => void, number] {
  const [scale, setScale] = useState(1);
  const observer = useRef<ResizeObserver | null>(null);
  const attach = useCallback((probe: HTMLElement | null): void => {
    observer.current?.disconnect();
    if (probe) {
      const look = (): void => {
        // Nothing is laid out while the panel is hidden.
        if (probe.offsetHeight > 0) {
          setScale(probe.offsetHeight / PROBE_EM / FONT_PX);
        }
      };
      observer.current = new ResizeObserver(look);
      observer.current.observe(probe);
      look();
    }
  }, []);
  return [attach, scale];
}
