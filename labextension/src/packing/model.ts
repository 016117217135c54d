/** Manifests, and the images that were built from them, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Image, Manifest } from '../api/types';
import { matcher } from '../common/filter';
import { clip, size } from '../common/format';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';

export interface ManifestNode extends TreeNode {
  readonly kind: 'manifest';
  readonly manifest: Manifest;
  /** `NAME:VERSION`. */
  readonly ref: string;
  readonly nImages: number;
}

export interface ImageNode extends TreeNode {
  readonly kind: 'image';
  readonly image: Image;
}

export type PackingNode = ManifestNode | ImageNode | FactNode | HintNode;

/** Return the nodes of the section Manifests. */
export function manifestNodes(
  manifests: readonly Manifest[],
  images: readonly Image[],
  filter: string,
  trans: TranslationBundle
): readonly PackingNode[] {
  if (!manifests.length) {
    const said = trans.__('No manifests yet. A deployment makes one, and so does');
    return [hint('manifests', said, '%ml manifests create MODEL')];
  }
  const passes = matcher(filter);
  const nodes = [...manifests]
    .sort((a, b) => b.created_at - a.created_at)
    .map(manifest => manifestNode(manifest, images, trans))
    .filter(({ ref, manifest }) => passes(ref, ...manifest.models.map(modelOf)));
  return nodes.length ? nodes : [hint('manifests', trans.__('No manifest matches the filter.'))];
}

function modelOf({ name, version }: Manifest['models'][number]): string {
  return `${name}:${version}`;
}

function manifestNode(manifest: Manifest, images: readonly Image[], trans: TranslationBundle): ManifestNode {
  const ref = `${manifest.name}:${manifest.version}`;
  const id = `manifest:${ref}`;
  const built = images.filter(image => image.manifest === ref).map(image => imageNode(image, trans));
  const nBytes = manifest.files.reduce((sum, file) => sum + file.n_bytes, 0);
  const models = manifest.models.map(modelOf).join(', ');
  return {
    kind: 'manifest',
    id,
    label: `${trans.__('Manifest %1', clip(ref))}, ${trans._n('%1 image', '%1 images', built.length)}`,
    manifest,
    ref,
    nImages: built.length,
    children: [
      ...built,
      fact(id, trans.__('models'), models),
      fact(id, trans.__('holds'), size(nBytes)),
      fact(id, trans.__('Python'), manifest.python),
      ...(manifest.script ? [fact(id, trans.__('script'), manifest.script)] : [])
    ]
  };
}

function imageNode(image: Image, trans: TranslationBundle): ImageNode {
  const id = `image:${image.tag}`;
  return {
    kind: 'image',
    id,
    label: `${trans.__('Image %1', clip(image.tag))}, ${size(image.n_bytes)}`,
    image,
    children: [
      fact(id, trans.__('tag'), image.tag),
      fact(id, trans.__('holds'), size(image.n_bytes)),
      fact(id, trans.__('id'), image.image_id)
    ]
  };
}
