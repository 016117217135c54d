/** How far something has come. */

import type { JSX } from 'react';

export function Bar(props: { readonly label: string; readonly percent: number }): JSX.Element {
  const { label, percent } = props;
  return (
    <span
      className="jp-Mlops-bar"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={percent}
    >
      <span style={{ width: `${percent}%` }} />
    </span>
  );
}
