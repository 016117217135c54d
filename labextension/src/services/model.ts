/** Services with what they serve, as the panel lists them. */

import type { Model, Service } from '../api/types';
import { matcher } from '../common/filter';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';

export interface ServiceNode extends TreeNode {
  readonly kind: 'service';
  readonly service: Service;
  /** `NAME:VERSION` of the models it serves; of its manifests while the models are not known. */
  readonly serves: readonly string[];
}

export type ServicesNode = ServiceNode | FactNode | HintNode;

/** Return the nodes of the section Services. */
export function serviceNodes(
  services: readonly Service[],
  models: readonly Model[],
  filter: string
): readonly ServicesNode[] {
  if (!services.length) {
    return [
      hint('services', 'No services yet. Deploy a registered model:', '%ml services deploy NAME MODEL')
    ];
  }
  const passes = matcher(filter);
  const nodes = services
    .map(service => serviceNode(service, servedBy(service, models)))
    .filter(node =>
      passes(node.service.name, node.service.host, node.service.state, node.service.url, ...node.serves)
    );
  return nodes.length ? nodes : [hint('services', 'No service matches the filter.')];
}

function servedBy(service: Service, models: readonly Model[]): readonly string[] {
  const versions = models
    .flatMap(model => model.versions)
    .filter(version => version.services.includes(service.name))
    .map(version => `${version.name}:${version.version}`);
  return versions.length ? versions : service.deployments.map(deployment => deployment.manifest);
}

function serviceNode(service: Service, serves: readonly string[]): ServiceNode {
  const id = `service:${service.name}`;
  const { url } = service;
  const nWanted = service.deployments.reduce((sum, deployment) => sum + deployment.replicas, 0);
  const facts: FactNode[] = [];
  if (service.message) {
    facts.push(fact(id, 'why', service.message, service.state === 'failed' ? 'error' : undefined));
  }
  if (url) {
    facts.push(fact(id, 'URL', url));
  }
  facts.push(fact(id, 'serves', serves.join(', ')));
  if (service.deployments.length > 1) {
    const shares = service.deployments.map(one => `${one.name} ${one.weight}%`);
    facts.push(fact(id, 'traffic', shares.join(', ')));
  }
  facts.push(fact(id, 'replicas', `${service.n_ready} of ${nWanted} ready`));
  facts.push(fact(id, 'host', service.host));
  return {
    kind: 'service',
    id,
    label: `Service ${service.name}, ${service.state}, serves ${serves.join(', ')}${url && `, ${url}`}`,
    service,
    serves,
    children: facts
  };
}
