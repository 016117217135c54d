/** A sentence in which what is to be typed stands between backticks, as the server's hints have it. */

import type { JSX } from 'react';

export function Prose({ text }: { readonly text: string }): JSX.Element {
  return (
    <>{text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}</>
  );
}
