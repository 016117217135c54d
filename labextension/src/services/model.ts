/** Services with what they serve, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Model, Service } from '../api/types';
import { matcher } from '../common/filter';
import { clip } from '../common/format';
import { serviceWord } from '../common/status';
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
  filter: string,
  trans: TranslationBundle
): readonly ServicesNode[] {
  if (!services.length) {
    const said = trans.__('No services yet. Deploy a registered model:');
    return [hint('services', said, '%ml services deploy NAME MODEL')];
  }
  const passes = matcher(filter);
  const nodes = services
    .map(service => serviceNode(service, servedBy(service, models), trans))
    .filter(node =>
      passes(node.service.name, node.service.host, node.service.state, node.service.url, ...node.serves)
    );
  return nodes.length ? nodes : [hint('services', trans.__('No service matches the filter.'))];
}

function servedBy(service: Service, models: readonly Model[]): readonly string[] {
  const versions = models
    .flatMap(model => model.versions)
    .filter(version => version.services.includes(service.name))
    .map(version => `${version.name}:${version.version}`);
  return versions.length ? versions : service.deployments.map(deployment => deployment.manifest);
}

function serviceNode(service: Service, serves: readonly string[], trans: TranslationBundle): ServiceNode {
  const id = `service:${service.name}`;
  const { url } = service;
  const nWanted = service.deployments.reduce((sum, deployment) => sum + deployment.replicas, 0);
  const facts: FactNode[] = [];
  if (service.message) {
    facts.push(fact(id, trans.__('why'), service.message, service.state === 'failed' ? 'error' : undefined));
  }
  if (url) {
    facts.push(fact(id, trans.__('URL'), url));
  }
  facts.push(fact(id, trans.__('serves'), serves.join(', ')));
  if (service.deployments.length > 1) {
    const shares = service.deployments.map(one => `${one.name} ${one.weight}%`);
    facts.push(fact(id, trans.__('traffic'), shares.join(', ')));
  }
  facts.push(fact(id, trans.__('replicas'), trans.__('%1 of %2 ready', service.n_ready, nWanted)));
  facts.push(fact(id, trans.__('host'), service.host));
  return {
    kind: 'service',
    id,
    label: [
      trans.__('Service %1', clip(service.name)),
      serviceWord(service.state, trans),
      trans.__('serves %1', serves.join(', ')),
      ...(url ? [url] : [])
    ].join(', '),
    service,
    serves,
    children: facts,
    opens: true
  };
}

/** `v2` for a version of the model that the service is named after, else `NAME:VERSION`: rows are narrow. */
export function servedText(served: string, service: string): string {
  const [, version] = served.startsWith(`${service}:`) ? served.split(':') : [];
  return version === undefined ? served : `v${version}`;
}
