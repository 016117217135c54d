/** Rows of manifests and images. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { useNow } from '../common/clock';
import { age, clip, moment, size } from '../common/format';
import type { ImageNode, ManifestNode } from './model';

export function ManifestRow({ node }: { readonly node: ManifestNode }): JSX.Element {
  const now = useNow();
  const trans = useTrans();
  const { created_at } = node.manifest;
  return (
    <>
      <span className="jp-Mlops-name" title={clip(node.ref)}>
        <bdi>{clip(node.ref)}</bdi>
      </span>
      {node.nImages > 0 && (
        <span className="jp-Mlops-chip">{trans._n('%1 image', '%1 images', node.nImages)}</span>
      )}
      <span className="jp-Mlops-aside" title={trans.__('Made %1', moment(created_at))}>
        {age(created_at, now)}
      </span>
    </>
  );
}

export function ImageRow({ node }: { readonly node: ImageNode }): JSX.Element {
  const { tag, n_bytes } = node.image;
  return (
    <>
      <span className="jp-Mlops-name" title={clip(tag)}>
        <bdi>{clip(tag)}</bdi>
      </span>
      <span className="jp-Mlops-aside">{size(n_bytes)}</span>
    </>
  );
}
