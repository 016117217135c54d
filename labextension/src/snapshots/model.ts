/** Snapshots of source, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Snapshot } from '../api/types';
import { matcher } from '../common/filter';
import { clip, size } from '../common/format';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';
import { MAGIC } from '../verbs/magic';

export interface SnapshotNode extends TreeNode {
  readonly kind: 'snapshot';
  readonly snapshot: Snapshot;
}

export type SnapshotsNode = SnapshotNode | FactNode | HintNode;

/** Return the nodes of the section Snapshots. */
export function snapshotNodes(
  snapshots: readonly Snapshot[],
  filter: string,
  trans: TranslationBundle
): readonly SnapshotsNode[] {
  if (!snapshots.length) {
    return [
      hint('snapshots', trans.__('No snapshots yet. A run takes one of its folder: begin a cell with'), MAGIC)
    ];
  }
  const passes = matcher(filter);
  const nodes = snapshots.filter(one => passes(one.name, one.source)).map(one => snapshotNode(one, trans));
  return nodes.length ? nodes : [hint('snapshots', trans.__('No snapshot matches the filter.'))];
}

function snapshotNode(snapshot: Snapshot, trans: TranslationBundle): SnapshotNode {
  const id = `snapshot:${snapshot.name}`;
  const { n_files, n_bytes } = snapshot;
  const files = trans._n('%1 file', '%1 files', n_files);
  return {
    kind: 'snapshot',
    id,
    label: `${trans.__('Snapshot %1', snapshot.name)}, ${clip(snapshot.source)}, ${files}`,
    snapshot,
    children: [
      fact(id, trans.__('of'), snapshot.source),
      fact(id, trans.__('holds'), `${files}, ${size(n_bytes)}`),
      ...snapshot.warnings.map((text, index) => ({
        ...fact(id, trans.__('but'), text),
        id: `${id}/warning/${index}`
      })),
      fact(id, trans.__('id'), snapshot.name)
    ]
  };
}
