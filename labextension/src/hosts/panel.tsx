/** Rows of hosts. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { clip } from '../common/format';
import type { HostNode } from './model';

export function HostRow({ node }: { readonly node: HostNode }): JSX.Element {
  const trans = useTrans();
  const { name, where, services } = node.host;
  return (
    <>
      <span className="jp-Mlops-name" title={clip(name)}>
        <bdi>{clip(name)}</bdi>
      </span>
      {services.length > 0 && (
        <span className="jp-Mlops-chip jp-mod-live" title={services.join(', ')}>
          {trans._n('%1 service', '%1 services', services.length)}
        </span>
      )}
      {!node.isLocal && (
        <span className="jp-Mlops-aside" title={where}>
          <bdi>{where}</bdi>
        </span>
      )}
    </>
  );
}
