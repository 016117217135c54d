/** Rows of models and their versions. */

import type { JSX } from 'react';

import { useNow } from '../common/clock';
import { age, moment } from '../common/format';
import type { ModelNode, VersionNode } from './model';

export function ModelRow({ node }: { readonly node: ModelNode }): JSX.Element {
  const { model } = node;
  return (
    <>
      <span className="jp-Mlops-name" title={model.description || model.name}>
        {model.name}
      </span>
      {model.services.length > 0 && <Deployed services={model.services} />}
      <span className="jp-Mlops-aside" title="Newest version">
        v{model.latest}
      </span>
    </>
  );
}

export function VersionRow({ node }: { readonly node: VersionNode }): JSX.Element {
  const now = useNow();
  const { version } = node;
  return (
    <>
      <span className="jp-Mlops-name">v{version.version}</span>
      <span className="jp-Mlops-chips">
        {version.aliases.map(alias => (
          <span key={alias} className="jp-Mlops-chip" title={`Alias ${alias}`}>
            {alias}
          </span>
        ))}
      </span>
      {version.services.length > 0 && <Deployed services={version.services} />}
      <span className="jp-Mlops-aside" title={`Registered ${moment(version.created_at)}`}>
        {age(version.created_at, now)}
      </span>
    </>
  );
}

function Deployed(props: { readonly services: readonly string[] }): JSX.Element {
  return (
    <span className="jp-Mlops-chip jp-mod-live" title={`Deployed in ${props.services.join(', ')}`}>
      {props.services.length === 1 ? props.services[0] : `${props.services.length} services`}
    </span>
  );
}
