/** Rows of services. */

import type { JSX } from 'react';

import type { Service } from '../api/types';
import { CopyIcon, StatusIcon } from '../common/icons';
import type { Tone } from '../common/icons';
import type { ServiceNode } from './model';

const TONES: Readonly<Record<Service['state'], Tone>> = {
  pending: 'busy',
  ready: 'good',
  degraded: 'warn',
  failed: 'bad',
  deleting: 'busy'
};

export function ServiceRow(props: {
  readonly node: ServiceNode;
  readonly copy: (text: string) => void;
}): JSX.Element {
  const { service, serves } = props.node;
  const { url } = service;
  return (
    <>
      <StatusIcon tone={TONES[service.state]} title={service.message || service.state} />
      <span className="jp-Mlops-name" title={service.name}>
        {service.name}
      </span>
      <span className="jp-Mlops-aside" title={`Serves ${serves.join(', ')}`}>
        {serves.join(', ')}
      </span>
      {url && (
        <button
          type="button"
          className="jp-Mlops-action"
          title={`Copy ${url}`}
          aria-label={`Copy the URL of ${service.name}`}
          tabIndex={-1}
          onClick={event => {
            event.stopPropagation();
            props.copy(url);
          }}
        >
          <CopyIcon />
        </button>
      )}
    </>
  );
}
