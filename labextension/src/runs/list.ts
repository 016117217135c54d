/** The runs of one experiment, or the children of one run, as a long list: pages of it are fetched as they come into view. */

import type { Run } from '../api/types';
import type { Slots } from '../tree/model';
import { experimentId, runNode } from './model';
import type { RunNode, Shown, SlotNode } from './model';

export const PAGE = 50;

const ONE_LINE_PX = 24;
const TWO_LINES_PX = 42;

/** Whose runs a list has: an experiment's, without those below other ones, or those below one of them. */
export interface ListRef {
  readonly experiment: string;
  /** The id of a run; null for the experiment's own. */
  readonly parent: string | null;
}

export function listKey({ experiment, parent }: ListRef): string {
  return parent === null ? experimentId(experiment) : `run:${parent}`;
}

export interface Page {
  readonly runs: readonly Run[];
  /** How many runs are below each of them; of those that have none nothing is said. */
  readonly nChildren: Readonly<Record<string, number>>;
}

/** Pages that were fetched, by number. */
export type Pages = ReadonlyMap<number, Page>;
/** By the key of their list. */
export type KnownPages = ReadonlyMap<string, Pages>;

const NONE: Pages = new Map();

export class RunList implements Slots {
  readonly length: number;
  readonly height: number;
  private readonly slot: string;
  private readonly places = new Map<string, number>();
  private readonly runs = new Map<number, Run>();
  private readonly nChildren = new Map<string, number>();

  /** `nRuns` is null where a tracking server does not count: then there may be one more page than was fetched. */
  constructor(
    readonly of: ListRef,
    nRuns: number | null,
    private readonly fetched: KnownPages,
    private readonly shown: Shown
  ) {
    this.slot = `${listKey(of)}/slot:`;
    const pages = fetched.get(listKey(of)) ?? NONE;
    let end = 0;
    for (const [page, { runs, nChildren }] of pages) {
      Object.entries(nChildren).forEach(([id, n]) => this.nChildren.set(id, n));
      runs.forEach((run, index) => {
        const place = page * PAGE + index;
        // A run that began pushes another one onto a page that was fetched before: it is shown once.
        if (!this.places.has(run.id)) {
          this.places.set(run.id, place);
          this.runs.set(place, run);
        }
      });
      const isLast = runs.length < PAGE;
      end = Math.max(end, page * PAGE + runs.length + (nRuns === null && !isLast ? 1 : 0));
    }
    this.length = nRuns === null && !pages.size ? 1 : Math.max(nRuns ?? 0, end);
    const hasMetrics = [...this.runs.values()].some(run => shown.metrics.some(name => name in run.metrics));
    this.height = hasMetrics || (!this.runs.size && shown.metrics.length > 0) ? TWO_LINES_PX : ONE_LINE_PX;
  }

  /** The runs that were fetched. */
  get known(): readonly Run[] {
    return [...this.runs.values()];
  }

  readonly at = (place: number): RunNode | SlotNode => {
    const run = this.runs.get(place);
    return run
      ? runNode(run, this.shown, this.nChildren.get(run.id) ?? 0, this.fetched)
      : { kind: 'slot', id: `${this.slot}${place}`, label: this.shown.trans.__('Loading') };
  };

  readonly indexOf = (id: string): number => {
    if (id.startsWith(this.slot)) {
      return Number(id.slice(this.slot.length));
    }
    return this.places.get(id.replace(/^run:/, '')) ?? -1;
  };
}

export function isRunList(list: Slots): list is RunList {
  return list instanceof RunList;
}

/** A page of a list. */
export interface PageRef extends ListRef {
  readonly page: number;
}

/** The pages that hold these places of a list. */
export function pagesOf(list: RunList, from: number, to: number): readonly number[] {
  const [first, last] = [Math.floor(from / PAGE), Math.floor((Math.min(to, list.length) - 1) / PAGE)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}
