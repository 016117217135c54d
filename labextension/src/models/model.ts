/** Models with their versions, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Model, ModelVersion } from '../api/types';
import { matcher } from '../common/filter';
import { clip } from '../common/format';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';

export interface ModelNode extends TreeNode {
  readonly kind: 'model';
  readonly model: Model;
}

export interface VersionNode extends TreeNode {
  readonly kind: 'version';
  readonly version: ModelVersion;
}

export type ModelsNode = ModelNode | VersionNode | FactNode | HintNode;

/** Return the nodes of the section Models. */
export function modelNodes(
  models: readonly Model[],
  filter: string,
  trans: TranslationBundle
): readonly ModelsNode[] {
  if (!models.length) {
    const said = trans.__('No models yet. Register what a run trained:');
    return [hint('models', said, '%ml models register RUN NAME')];
  }
  const passes = matcher(filter);
  const nodes = models.filter(model => passes(...textsOf(model))).map(model => modelNode(model, trans));
  return nodes.length ? nodes : [hint('models', trans.__('No model matches the filter.'))];
}

function modelNode(model: Model, trans: TranslationBundle): ModelNode {
  const id = `model:${model.name}`;
  const versions = trans._n('%1 version', '%1 versions', model.versions.length);
  return {
    kind: 'model',
    id,
    label: `${trans.__('Model %1', clip(model.name))}, ${versions}${where(model.services, trans)}`,
    model,
    children: model.versions.map(version => versionNode(version, id, trans)),
    opens: true
  };
}

function where(services: readonly string[], trans: TranslationBundle): string {
  return services.length ? `, ${trans.__('deployed in %1', services.join(', '))}` : '';
}

function versionNode(version: ModelVersion, model: string, trans: TranslationBundle): VersionNode {
  const id = `${model}:${version.version}`;
  const aliases = version.aliases.map(alias => `, ${alias}`).join('');
  const facts: FactNode[] = [fact(id, trans.__('flavor'), version.flavor || trans.__('file'))];
  if (version.run_id) {
    const link = { kind: 'run', subject: version.run_id } as const;
    facts.push({ ...fact(id, trans.__('run'), version.run_id), link });
  }
  for (const service of version.services) {
    const link = { kind: 'service', subject: service } as const;
    facts.push({ ...fact(id, trans.__('deployed in'), service), id: `${id}/service/${service}`, link });
  }
  for (const [name, value] of Object.entries(version.tags)) {
    facts.push({ ...fact(id, name, value), id: `${id}/tag/${name}` });
  }
  return {
    kind: 'version',
    id,
    label: `${trans.__('Version %1', version.version)}${aliases}${where(version.services, trans)}`,
    version,
    children: facts,
    opens: true
  };
}

function textsOf(model: Model): readonly string[] {
  const tags = [model, ...model.versions]
    .flatMap(one => Object.entries(one.tags))
    .map(([key, value]) => `${key}=${value}`);
  return [model.name, model.description, ...Object.keys(model.aliases), ...model.services, ...tags];
}
