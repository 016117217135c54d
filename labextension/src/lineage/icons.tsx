/** A small picture for each kind of thing in a lineage. */

import type { JSX } from 'react';

import type { NodeKind } from './model';

const PATHS: Readonly<Record<NodeKind, string>> = {
  dataset:
    'M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3ZM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  snapshot: 'M4 7.5h4l1.5-2.5h5L16 7.5h4V19H4ZM12 16.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7Z',
  git: 'M6 9v6M6 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM6 20a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM18 9a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM18 9c0 4-6 3-11 6.5',
  environment: 'M4 8l8-4 8 4v8l-8 4-8-4ZM4 8l8 4 8-4M12 12v8M8 6l8 4',
  target: 'M4 5h16v10H4ZM9 20h6M12 15v5',
  run: 'M3 20V4M3 20H21M6 16l4-5 4 3 6-8',
  model: 'M12 3 20 7.5V16.5L12 21 4 16.5V7.5ZM4 7.5 12 12 20 7.5M12 12V21',
  manifest: 'M6 3h9l4 4v14H6ZM15 3v4h4M9 12h7M9 16h7',
  image: 'M4 9h16v10H4ZM7 9V5h10v4M8 12v4M12 12v4M16 12v4',
  service: 'M4 4H20V10.5H4ZM4 13.5H20V20H4ZM7.5 7.25H8M7.5 16.75H8M12 7.25H16.5M12 16.75H16.5'
};

export function KindIcon({ kind }: { readonly kind: NodeKind }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" width="20" height="20" fill="none" strokeWidth="1.6" aria-hidden="true">
      <path d={PATHS[kind]} stroke="currentColor" strokeLinejoin="round" strokeLinecap="round" />
    </svg>
  );
}
