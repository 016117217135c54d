/** Hosts with the services on them, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Host } from '../api/types';
import { matcher } from '../common/filter';
import { clip } from '../common/format';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';

export interface HostNode extends TreeNode {
  readonly kind: 'host';
  readonly host: Host;
  /** One of this machine, which is always there. */
  readonly isLocal: boolean;
}

export type HostsNode = HostNode | FactNode | HintNode;

/** What the server calls the place of its own hosts. */
const HERE = 'this machine';

/** Return the nodes of the section Hosts. */
export function hostNodes(
  hosts: readonly Host[],
  filter: string,
  trans: TranslationBundle
): readonly HostsNode[] {
  const passes = matcher(filter);
  const nodes = hosts
    .filter(host => passes(host.name, host.where, ...host.services))
    .map(host => hostNode(host, trans));
  return nodes.length ? nodes : [hint('hosts', trans.__('No host matches the filter.'))];
}

function hostNode(host: Host, trans: TranslationBundle): HostNode {
  const id = `host:${host.name}`;
  const isLocal = host.where === HERE;
  const where = isLocal ? trans.__('this machine') : host.where;
  const facts: FactNode[] = [fact(id, trans.__('where'), where)];
  if (host.services.length) {
    facts.push(fact(id, trans.__('services'), host.services.join(', ')));
  }
  const services = trans._n('%1 service', '%1 services', host.services.length);
  return {
    kind: 'host',
    id,
    label: `${trans.__('Host %1', clip(host.name))}, ${where}, ${services}`,
    host,
    isLocal,
    children: facts
  };
}
