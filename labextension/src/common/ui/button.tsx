/** Buttons in Lab's own look. */

import type { JSX, MouseEvent, ReactNode } from 'react';

export interface ButtonProps {
  readonly onClick: (event: MouseEvent<HTMLButtonElement>) => void;
  readonly children: ReactNode;
  /** The one that a person most likely wants is `accept`; what cannot be taken back is `warn`. */
  readonly tone?: 'accept' | 'warn' | 'plain';
  /** Why it cannot be used now: shown at the mouse, read out, and the button is greyed. */
  readonly refused?: string | null | undefined;
  readonly title?: string;
  /** For a button that is on or off. */
  readonly pressed?: boolean;
  readonly busy?: boolean;
}

export function Button(props: ButtonProps): JSX.Element {
  const { tone = 'plain', refused, busy = false } = props;
  return (
    <button
      type="button"
      className={`jp-Mlops-button jp-mod-${tone}`}
      title={refused ?? props.title}
      // Not `disabled`: what is greyed stays reachable by keyboard and says why.
      aria-disabled={refused !== undefined && refused !== null ? true : undefined}
      aria-busy={busy || undefined}
      aria-pressed={props.pressed}
      onClick={event => {
        if (!busy && (refused === undefined || refused === null)) {
          props.onClick(event);
        }
      }}
    >
      {props.children}
    </button>
  );
}

/** A button that is a picture only; `label` is what it says. */
export function IconButton(props: Omit<ButtonProps, 'tone'> & { readonly label: string }): JSX.Element {
  const { refused, label } = props;
  const isRefused = refused !== undefined && refused !== null;
  return (
    <button
      type="button"
      className="jp-Mlops-iconButton"
      title={isRefused ? `${label}: ${refused}` : (props.title ?? label)}
      aria-label={label}
      aria-disabled={isRefused || undefined}
      aria-pressed={props.pressed}
      onClick={event => {
        if (!isRefused) {
          props.onClick(event);
        }
      }}
    >
      {props.children}
    </button>
  );
}
