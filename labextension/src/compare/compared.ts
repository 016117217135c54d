/** What all parts of the widget draw from. */

import type { Run } from '../api/types';
import type { Direction } from './model';

/** Runs that are told apart by a label, and by a colour where they have one. */
export interface Marked {
  readonly runs: readonly Pick<Run, 'id'>[];
  /** The id of the run that the others are compared with. */
  readonly base: string;
  readonly labelOf: (id: string) => string;
  /** CSS. */
  readonly colorOf?: (id: string) => string;
}

export interface Compared extends Marked {
  /** Those that are there, the base first of all. */
  readonly runs: readonly Run[];
  readonly colorOf: (id: string) => string;
  readonly directionOf: (metric: string) => Direction;
  /** The run that is pointed at, in any part. */
  readonly hot: string | null;
  readonly setHot: (id: string | null) => void;
  readonly openRun: (id: string) => void;
}
