/** What the panel shows, from what the server said: four sections, or what is wrong. */

import { asApiError } from '../api/errors';
import type { Activity, Experiment, Model, Service, Workspace } from '../api/types';
import { activityNodes, isActive } from '../activities/model';
import type { ActivitiesNode } from '../activities/model';
import { modelNodes } from '../models/model';
import type { ModelsNode } from '../models/model';
import { experimentNodes } from '../runs/model';
import type { KnownRuns, RunsNode } from '../runs/model';
import { serviceNodes } from '../services/model';
import type { ServicesNode } from '../services/model';
import { problem } from '../tree/model';
import type { Folds, ProblemNode, TreeNode } from '../tree/model';
import { VERSION } from '../tokens';

export interface SectionNode extends TreeNode {
  readonly kind: 'section';
  /** How many things are in it; null while that is not known. */
  readonly n: number | null;
  readonly children: readonly PanelNode[];
}

export interface WaitNode extends TreeNode {
  readonly kind: 'wait';
}

export type PanelNode =
  SectionNode | WaitNode | ProblemNode | RunsNode | ModelsNode | ServicesNode | ActivitiesNode;

/** A list as it stands: what came last, and what went wrong since. */
export interface Listing<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
}

export interface Contents {
  readonly experiments: Listing<readonly Experiment[]>;
  readonly runs: Listing<KnownRuns>;
  readonly models: Listing<readonly Model[]>;
  readonly services: Listing<readonly Service[]>;
  readonly activities: Listing<readonly Activity[]>;
}

/** Return the panel's forest. */
export function sections(contents: Contents, filter: string): readonly SectionNode[] {
  const { experiments, runs, models, services, activities } = contents;
  const both: Listing<readonly [readonly Experiment[], KnownRuns]> = {
    data: experiments.data && runs.data ? [experiments.data, runs.data] : undefined,
    error: experiments.error ?? runs.error
  };
  const listed = both.data ? experimentNodes(...both.data, filter) : [];
  const nActive = activities.data?.filter(isActive).length ?? 0;
  return [
    section(
      'experiments',
      'Experiments',
      listed.filter(node => node.kind === 'experiment').length,
      both,
      () => listed
    ),
    section('models', 'Models', models.data?.length, models, some => modelNodes(some, filter)),
    section('services', 'Services', services.data?.length, services, some =>
      serviceNodes(some, models.data ?? [], filter)
    ),
    // What ended is history: the section opens by itself while something goes on.
    section('activities', 'Activities', nActive, activities, some => activityNodes(some, filter), nActive > 0)
  ];
}

function section<T>(
  id: string,
  label: string,
  n: number | undefined,
  listing: Listing<T>,
  nodes: (data: T) => readonly PanelNode[],
  open = true
): SectionNode {
  const children: PanelNode[] = [];
  if (listing.error) {
    children.push(problem(id, asApiError(listing.error)));
  }
  if (listing.data !== undefined) {
    children.push(...nodes(listing.data));
  } else if (!listing.error) {
    children.push({ kind: 'wait', id: `${id}/wait`, label: 'Loading' });
  }
  return {
    kind: 'section',
    id: `section:${id}`,
    label,
    n: n ?? null,
    children,
    open: open || listing.error !== null
  };
}

/** Return what to say when the server extension is another version than this panel, else null. */
export function versionNotice(workspace: Workspace, version = VERSION): string | null {
  if (workspace.version === version) {
    return null;
  }
  return `This panel is version ${version} and the server extension is ${workspace.version}. Restart JupyterLab and reload this page.`;
}

/** Read what `IStateDB` kept; anything else than folds is as good as nothing. */
export function readFolds(value: unknown): Folds {
  if (typeof value !== 'object' || value === null) {
    return {};
  }
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, boolean] => typeof entry[1] === 'boolean')
  );
}

/** How many folds are kept: those of experiments and runs long gone must not pile up. */
const MOST_FOLDS = 500;

export function withFold(folds: Folds, id: string, open: boolean): Folds {
  const { [id]: _, ...others } = folds;
  return Object.fromEntries([...Object.entries(others), [id, open] as const].slice(-MOST_FOLDS));
}
