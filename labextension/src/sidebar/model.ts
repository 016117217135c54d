/** What the panel shows, from what the server said: its sections, or what is wrong. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, asApiError } from '../api/errors';
import type { Activity, Host, Image, Manifest, Model, Service, Snapshot, Workspace } from '../api/types';
import { activityNodes, isActive } from '../activities/model';
import type { ActivitiesNode } from '../activities/model';
import { kindOf } from '../common/where/model';
import { hostNodes } from '../hosts/model';
import type { HostsNode } from '../hosts/model';
import { modelNodes } from '../models/model';
import type { ModelsNode } from '../models/model';
import { manifestNodes } from '../packing/model';
import type { PackingNode } from '../packing/model';
import { experimentNodes } from '../runs/model';
import type { Chosen, KnownRuns, RunsNode } from '../runs/model';
import { serviceNodes } from '../services/model';
import type { ServicesNode } from '../services/model';
import { snapshotNodes } from '../snapshots/model';
import type { SnapshotsNode } from '../snapshots/model';
import { problem } from '../tree/model';
import type { Folds, ProblemNode, TreeNode } from '../tree/model';
import { VERSION } from '../tokens';

export const SECTIONS = [
  'experiments',
  'models',
  'services',
  'activities',
  'manifests',
  'snapshots',
  'hosts'
] as const;

export type SectionId = (typeof SECTIONS)[number];

/** These are looked at now and then: they are folded, and nothing is asked about them, until a person unfolds them. */
export const FOLDED: ReadonlySet<SectionId> = new Set(['manifests', 'snapshots', 'hosts']);

export interface SectionNode extends TreeNode {
  readonly kind: 'section';
  readonly section: SectionId;
  /** What it is called. */
  readonly title: string;
  /** How many things are in it; null while that is not known. */
  readonly n: number | null;
  readonly children: readonly PanelNode[];
}

export interface WaitNode extends TreeNode {
  readonly kind: 'wait';
}

export type PanelNode =
  | SectionNode
  | WaitNode
  | ProblemNode
  | RunsNode
  | ModelsNode
  | ServicesNode
  | ActivitiesNode
  | HostsNode
  | SnapshotsNode
  | PackingNode;

/** A list as it stands: what came last, and what went wrong since. */
export interface Listing<T> {
  readonly data: T | undefined;
  readonly error: Error | null;
}

export interface Contents {
  readonly runs: Listing<KnownRuns>;
  readonly models: Listing<readonly Model[]>;
  readonly services: Listing<readonly Service[]>;
  readonly activities: Listing<readonly Activity[]>;
  readonly manifests: Listing<readonly Manifest[]>;
  readonly images: Listing<readonly Image[]>;
  readonly snapshots: Listing<readonly Snapshot[]>;
  readonly hosts: Listing<readonly Host[]>;
}

const SECTION_PX = 28;

/** Return what went wrong with several lists alike, to be said once above them, or null. */
export function commonTrouble(contents: Contents): ApiError | null {
  const errors = Object.values(contents).flatMap(({ error }: Listing<unknown>) => error ?? []);
  const messages = errors.map(error => asApiError(error).message);
  const twice = messages.findIndex((message, at) => messages.indexOf(message) < at);
  return twice < 0 ? null : asApiError(errors[twice]);
}

/** Return the panel's forest. `filter` is what the runs in it have passed, `told` what is said above it. */
export function sections(
  contents: Contents,
  filter: string,
  chosen: Chosen,
  trans: TranslationBundle,
  told: ApiError | null = null
): readonly SectionNode[] {
  const { runs, models, services, activities, manifests, images, snapshots, hosts } = contents;
  // An expression is about runs.
  const words = kindOf(filter) === 'words' ? filter.trim() : '';
  const nActive = activities.data?.filter(isActive).length ?? 0;
  const isFiltered = filter.trim() !== '';
  const experiments = runs.data ? experimentNodes(runs.data, chosen, isFiltered, trans) : [];
  const nExperiments = experiments.filter(node => node.kind === 'experiment').length;
  const section = sectionsBelow(told, trans);
  const of = {
    experiments: section('experiments', trans.__('Experiments'), nExperiments, runs, () => experiments),
    models: section('models', trans.__('Models'), models.data?.length, models, some =>
      modelNodes(some, words, trans)
    ),
    services: section('services', trans.__('Services'), services.data?.length, services, some =>
      serviceNodes(some, models.data ?? [], words, trans)
    ),
    activities: section(
      'activities',
      trans.__('Activities'),
      nActive,
      activities,
      some => activityNodes(some, words, trans),
      // What ended is history: the section opens by itself while something goes on.
      nActive > 0
    ),
    manifests: section(
      'manifests',
      trans.__('Manifests'),
      manifests.data?.length,
      { data: manifests.data, error: manifests.error ?? images.error },
      some => manifestNodes(some, images.data ?? [], words, trans),
      false
    ),
    snapshots: section(
      'snapshots',
      trans.__('Snapshots'),
      snapshots.data?.length,
      snapshots,
      some => snapshotNodes(some, words, trans),
      false
    ),
    hosts: section(
      'hosts',
      trans.__('Hosts'),
      hosts.data?.length,
      hosts,
      some => hostNodes(some, words, trans),
      false
    )
  };
  return SECTIONS.map(id => of[id]);
}

export function sectionId(section: SectionId): string {
  return `section:${section}`;
}

type MakeSection = <T>(
  id: SectionId,
  title: string,
  n: number | undefined,
  listing: Listing<T>,
  nodes: (data: T) => readonly PanelNode[],
  open?: boolean
) => SectionNode;

/** Return what makes sections, none of which says again what is said above them. */
function sectionsBelow(told: ApiError | null, trans: TranslationBundle): MakeSection {
  return (id, title, n, listing, nodes, open = true) => {
    const error = listing.error && asApiError(listing.error);
    // What a server of another version does not know is part of what is said above.
    const isTold = told !== null && (error?.message === told.message || error?.kind === 'absent');
    const isNews = error !== null && !isTold;
    const children: PanelNode[] = isNews ? [problem(id, error)] : [];
    if (listing.data !== undefined) {
      children.push(...nodes(listing.data));
    } else if (error === null) {
      children.push({ kind: 'wait', id: `${id}/wait`, label: trans.__('Loading') });
    }
    return {
      kind: 'section',
      section: id,
      id: sectionId(id),
      label: title,
      title,
      n: n ?? null,
      children,
      open: open || isNews,
      height: SECTION_PX
    };
  };
}

/** The numbers of a version, greatest first; what stands behind them (`rc1`) is left aside. */
function numbersOf(version: string): readonly number[] {
  return version.split('.').map(part => Number.parseInt(part, 10) || 0);
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [numbersOf(version), numbersOf(than)];
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, place) => place).find(
    place => (a[place] ?? 0) !== (b[place] ?? 0)
  );
  return at !== undefined && (a[at] ?? 0) < (b[at] ?? 0);
}

/** Return what to say when the server extension is another version than this panel, else null. */
export function versionNotice(
  workspace: Workspace,
  trans: TranslationBundle,
  version = VERSION
): ApiError | null {
  if (workspace.version === version) {
    return null;
  }
  return new ApiError(
    'version',
    trans.__('This panel is version %1 and the server extension is %2.', version, workspace.version),
    isOlder(version, workspace.version)
      ? trans.__('The page is older than what is installed: reload it.')
      : trans.__(
          'The server still runs what was installed before: restart JupyterLab. If this stays, in a terminal: `pip install jupyter-mlops==%1`',
          version
        )
  );
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
