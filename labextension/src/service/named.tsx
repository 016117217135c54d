/** A button's text in a row of many: short for the eye, whole for a screen reader. */

import type { JSX } from 'react';

export function Named(props: { readonly short: string; readonly whole: string }): JSX.Element {
  return (
    <>
      <span aria-hidden="true">{props.short}</span>
      <span className="jp-Mlops-said">{props.whole}</span>
    </>
  );
}
