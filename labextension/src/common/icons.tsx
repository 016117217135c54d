/** Small status pictures in the colours of the theme. They are for the eye: rows say the same in words. */

import type { JSX, ReactNode } from 'react';

export type Tone = 'good' | 'bad' | 'busy' | 'warn' | 'quiet';

function Glyph(props: {
  readonly tone: Tone;
  readonly title: string;
  readonly children: ReactNode;
}): JSX.Element {
  return (
    <span className={`jp-Mlops-glyph jp-mod-${props.tone}`} title={props.title} aria-hidden="true">
      <svg viewBox="0 0 16 16" width="14" height="14" fill="none" strokeWidth="1.6" strokeLinecap="round">
        {props.children}
      </svg>
    </span>
  );
}

/** A tone's picture; shapes differ too, for those who do not see the colours. */
export function StatusIcon(props: { readonly tone: Tone; readonly title: string }): JSX.Element {
  return <Glyph {...props}>{SHAPES[props.tone]}</Glyph>;
}

const ROUND = <circle cx="8" cy="8" r="6.2" />;
const SHAPES: Readonly<Record<Tone, JSX.Element>> = {
  good: (
    <>
      {ROUND}
      <path d="M5.2 8.3 7.2 10.2 10.9 6.1" />
    </>
  ),
  bad: (
    <>
      {ROUND}
      <path d="M5.8 5.8 10.2 10.2M10.2 5.8 5.8 10.2" />
    </>
  ),
  busy: (
    <>
      <circle cx="8" cy="8" r="6.2" className="jp-Mlops-track" />
      <path d="M8 1.8A6.2 6.2 0 0 1 14.2 8" className="jp-Mlops-spin" />
    </>
  ),
  warn: (
    <>
      <path d="M8 2.2 14.4 13.4H1.6Z" strokeLinejoin="round" />
      <path d="M8 6.4V9.4M8 11.5V11.6" />
    </>
  ),
  quiet: (
    <>
      {ROUND}
      <path d="M8 4.6V8L10.2 9.4" />
    </>
  )
};

export function CaretIcon(): JSX.Element {
  return (
    <svg className="jp-Mlops-caret" viewBox="0 0 16 16" width="12" height="12" aria-hidden="true">
      <path d="M5.5 3.5 10.5 8 5.5 12.5Z" />
    </svg>
  );
}

export function DotsIcon(): JSX.Element {
  return (
    <svg viewBox="0 0 16 16" width="13" height="13" stroke="none" aria-hidden="true">
      <circle cx="3" cy="8" r="1.3" />
      <circle cx="8" cy="8" r="1.3" />
      <circle cx="13" cy="8" r="1.3" />
    </svg>
  );
}

/** A picture on a button, drawn with one line. */
function drawn(path: string, strokeWidth: number): () => JSX.Element {
  return () => (
    <svg
      viewBox="0 0 16 16"
      width="13"
      height="13"
      fill="none"
      strokeWidth={strokeWidth}
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={path} />
    </svg>
  );
}

export const CopyIcon = drawn(
  'M5.5 6.9A1.4 1.4 0 0 1 6.9 5.5H12.1A1.4 1.4 0 0 1 13.5 6.9V12.1A1.4 1.4 0 0 1 12.1 13.5H6.9A1.4 1.4 0 0 1 5.5 12.1Z' +
    'M10.5 5.5V3.9A1.4 1.4 0 0 0 9.1 2.5H3.9A1.4 1.4 0 0 0 2.5 3.9V9.1A1.4 1.4 0 0 0 3.9 10.5H5.5',
  1.4
);
export const CrossIcon = drawn('M4 4 12 12M12 4 4 12', 1.6);
export const PlusIcon = drawn('M8 3V13M3 8H13', 1.6);
export const TableIcon = drawn('M2.5 3H13.5V13H2.5ZM2.5 6.3H13.5M2.5 9.7H13.5M6.5 3V13', 1.3);
export const PlayIcon = drawn('M5 3.2 12.6 8 5 12.8Z', 1.4);
export const MetricsIcon = drawn('M2.5 2.5V13.5H13.5M4.8 10.5 7.2 6.8 9.6 8.6 13 3.8', 1.4);
