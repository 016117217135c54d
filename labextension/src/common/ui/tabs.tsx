/** Tabs, as the WAI-ARIA pattern has them: one tab stop, arrows move, the panel follows. */

import { useId, useRef } from 'react';
import type { JSX, KeyboardEvent, ReactNode } from 'react';

export interface Tab {
  readonly id: string;
  readonly label: ReactNode;
  /** Drawn only while it is the chosen one. */
  readonly content: () => ReactNode;
}

export interface TabsProps {
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
  /** At the right end of the row of tabs. */
  readonly aside?: ReactNode;
}

export function Tabs({ label, tabs, chosen, onChoose, aside }: TabsProps): JSX.Element {
  const base = useId();
  const row = useRef<HTMLDivElement>(null);
  const at = Math.max(
    0,
    tabs.findIndex(tab => tab.id === chosen)
  );
  const current = tabs[at];

  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    const next = to === undefined ? undefined : tabs[(to + tabs.length) % tabs.length];
    if (next) {
      event.preventDefault();
      onChoose(next.id);
      row.current?.querySelectorAll<HTMLElement>('[role="tab"]')[tabs.indexOf(next)]?.focus();
    }
  };

  return (
    <div className="jp-Mlops-tabs">
      <div className="jp-Mlops-tabRow">
        <div role="tablist" aria-label={label} ref={row} className="jp-Mlops-tabList">
          {tabs.map(tab => (
            <button
              key={tab.id}
              type="button"
              role="tab"
              id={`${base}-${tab.id}`}
              aria-selected={tab === current}
              aria-controls={tab === current ? `${base}-panel` : undefined}
              tabIndex={tab === current ? 0 : -1}
              className="jp-Mlops-tabButton"
              onClick={() => onChoose(tab.id)}
              onKeyDown={onKeyDown}
            >
              {tab.label}
            </button>
          ))}
        </div>
        {aside}
      </div>
      {current && (
        <div
          role="tabpanel"
          id={`${base}-panel`}
          aria-labelledby={`${base}-${current.id}`}
          className="jp-Mlops-tabPanel"
          // Content that holds nothing to focus can be scrolled by keyboard all the same.
          // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- as the pattern for tabs demands
          tabIndex={0}
        >
          {current.content()}
        </div>
      )}
    </div>
  );
}
