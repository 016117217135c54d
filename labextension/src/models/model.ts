/** Models with their versions, as the panel lists them. */

import type { Model, ModelVersion } from '../api/types';
import { matcher } from '../common/filter';
import { count } from '../common/format';
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
export function modelNodes(models: readonly Model[], filter: string): readonly ModelsNode[] {
  if (!models.length) {
    return [hint('models', 'No models yet. Register what a run trained:', '%ml models register RUN NAME')];
  }
  const passes = matcher(filter);
  const nodes = models.filter(model => passes(...textsOf(model))).map(modelNode);
  return nodes.length ? nodes : [hint('models', 'No model matches the filter.')];
}

function modelNode(model: Model): ModelNode {
  const id = `model:${model.name}`;
  const where = model.services.length ? `, deployed in ${model.services.join(', ')}` : '';
  return {
    kind: 'model',
    id,
    label: `Model ${model.name}, ${count(model.versions.length, 'version')}${where}`,
    model,
    children: model.versions.map(version => versionNode(version, id))
  };
}

function versionNode(version: ModelVersion, model: string): VersionNode {
  const id = `${model}:${version.version}`;
  const aliases = version.aliases.map(alias => `, ${alias}`).join('');
  const where = version.services.length ? `, deployed in ${version.services.join(', ')}` : '';
  const facts: FactNode[] = [fact(id, 'flavor', version.flavor || 'file')];
  if (version.run_id) {
    facts.push(fact(id, 'run', version.run_id));
  }
  if (version.services.length) {
    facts.push(fact(id, 'deployed in', version.services.join(', ')));
  }
  for (const [name, value] of Object.entries(version.tags)) {
    facts.push({ ...fact(id, name, value), id: `${id}/tag/${name}` });
  }
  return {
    kind: 'version',
    id,
    label: `Version ${version.version}${aliases}${where}`,
    version,
    children: facts
  };
}

function textsOf(model: Model): readonly string[] {
  const tags = [model, ...model.versions]
    .flatMap(one => Object.entries(one.tags))
    .map(([key, value]) => `${key}=${value}`);
  return [model.name, model.description, ...Object.keys(model.aliases), ...model.services, ...tags];
}
