/** Rows of models and their versions. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { useNow } from '../common/clock';
import { age, clip, moment } from '../common/format';
import type { ModelNode, VersionNode } from './model';

export function ModelRow({ node }: { readonly node: ModelNode }): JSX.Element {
  const trans = useTrans();
  const { model } = node;
  return (
    <>
      <span className="jp-Mlops-name" title={clip(model.description || model.name)}>
        <bdi>{clip(model.name)}</bdi>
      </span>
      {model.services.length > 0 && <Deployed services={model.services} />}
      <span className="jp-Mlops-aside" title={trans.__('Newest version')}>
        v{model.latest}
      </span>
    </>
  );
}

export function VersionRow({ node }: { readonly node: VersionNode }): JSX.Element {
  const now = useNow();
  const trans = useTrans();
  const { version } = node;
  return (
    <>
      <span className="jp-Mlops-name">v{version.version}</span>
      <span className="jp-Mlops-chips">
        {version.aliases.map(alias => (
          <span key={alias} className="jp-Mlops-chip" title={trans.__('Alias %1', alias)}>
            <bdi>{alias}</bdi>
          </span>
        ))}
      </span>
      {version.services.length > 0 && <Deployed services={version.services} />}
      <span className="jp-Mlops-aside" title={trans.__('Registered %1', moment(version.created_at))}>
        {age(version.created_at, now)}
      </span>
    </>
  );
}

function Deployed(props: { readonly services: readonly string[] }): JSX.Element {
  const trans = useTrans();
  const { services } = props;
  return (
    <span className="jp-Mlops-chip jp-mod-live" title={trans.__('Deployed in %1', services.join(', '))}>
      {services.length === 1 ? services[0] : trans._n('%1 service', '%1 services', services.length)}
    </span>
  );
}
