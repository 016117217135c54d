/** Text of a program or for one, which is scrolled by keyboard too. */

import type { JSX } from 'react';

export function Code(props: { readonly label: string; readonly text: string }): JSX.Element {
  return (
    <pre
      className="jp-Mlops-code"
      role="region"
      aria-label={props.label}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- else it cannot be scrolled without a mouse
      tabIndex={0}
    >
      {props.text}
    </pre>
  );
}
