/** What draws each kind: loaded when the first of it is opened. */

import type { JSX } from 'react';

import type { Kind } from '../commands';

/** A new object with each time that somebody asks. */
export interface Asked {
  readonly tab: string;
}

export interface ViewProps {
  readonly subject: string;
  /** Set the tab's text and, at the mouse, its caption. */
  readonly setTitle: (label: string, caption?: string) => void;
  /** What somebody wants to see of it. */
  readonly asked?: Asked | null;
}

/** Of a view in which a person may come to look at something else. */
export interface ChangingViewProps extends ViewProps {
  /** Say what the view shows by now: that is what a reload brings back. */
  readonly setSubject: (subject: string) => void;
}

export type View = (props: ChangingViewProps) => JSX.Element;

export const VIEWS: Readonly<Record<Kind, () => Promise<{ readonly View: View }>>> = {
  run: () => import('../run/view'),
  compare: () => import('../compare/view'),
  experiment: () => import('../experiment/view'),
  model: () => import('../model/view'),
  service: () => import('../service/view')
};
