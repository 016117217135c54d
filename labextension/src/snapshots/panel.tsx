/** Rows of snapshots. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { useNow } from '../common/clock';
import { age, clip, moment } from '../common/format';
import type { SnapshotNode } from './model';

export function SnapshotRow({ node }: { readonly node: SnapshotNode }): JSX.Element {
  const now = useNow();
  const trans = useTrans();
  const { name, source, created_at } = node.snapshot;
  return (
    <>
      <span className="jp-Mlops-name" title={clip(source)}>
        <bdi>{clip(source.split('/').pop() ?? source)}</bdi>
      </span>
      <code className="jp-Mlops-aside" title={name}>
        {name.slice(0, 8)}
      </code>
      <span className="jp-Mlops-aside" title={trans.__('Taken %1', moment(created_at))}>
        {age(created_at, now)}
      </span>
    </>
  );
}
