/** Zooms of charts by key: a chart that is scrolled away, or stands in a tab that is left, comes back as it was. */

import { useState } from 'react';

import type { Zoom } from './model';

export type ZoomState = readonly [Zoom | null, (zoom: Zoom | null) => void];

const MOST = 500;
const kept = new Map<string, Zoom>();

export function useZoom(key: string | undefined): ZoomState {
  const [state, setState] = useState(() => ({ key, zoom: recalled(key) }));
  const zoom = state.key === key ? state.zoom : recalled(key);
  const set = (next: Zoom | null): void => {
    remember(key, next);
    setState({ key, zoom: next });
  };
  return [zoom, set];
}

function recalled(key: string | undefined): Zoom | null {
  return (key === undefined ? undefined : kept.get(key)) ?? null;
}

function remember(key: string | undefined, zoom: Zoom | null): void {
  if (key === undefined) {
    return;
  }
  kept.delete(key);
  if (zoom) {
    kept.set(key, zoom);
  }
  const oldest = kept.keys().next().value;
  if (kept.size > MOST && oldest !== undefined) {
    kept.delete(oldest);
  }
}
