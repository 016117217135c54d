/** Rows of services. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { clip } from '../common/format';
import { CopyIcon, StatusIcon } from '../common/icons';
import { serviceWord, SERVICE_TONES } from '../common/status';
import { useServiceRates } from '../service/queries';
import { servedText } from './model';
import type { ServiceNode } from './model';

/** Requests per second with two significant digits. */
function perSecond(rate: number): string {
  return rate >= 10 ? Math.round(rate).toLocaleString() : String(Number(rate.toPrecision(2)));
}

export function ServiceRow(props: {
  readonly node: ServiceNode;
  readonly copy: (text: string) => void;
}): JSX.Element {
  const trans = useTrans();
  const { service, serves } = props.node;
  const { url } = service;
  const rate = useServiceRates(service.state === 'ready' || service.state === 'degraded').get(service.name);
  return (
    <>
      <StatusIcon
        tone={SERVICE_TONES[service.state]}
        title={clip(service.message || serviceWord(service.state, trans))}
      />
      <span className="jp-Mlops-name" title={clip(service.name)}>
        <bdi>{clip(service.name)}</bdi>
      </span>
      {rate && rate.perS > 0 && (
        <span
          className={`jp-Mlops-aside${rate.failedPerS > 0 ? ' jp-mod-bad' : ''}`}
          title={trans.__('%1 of these fail', perSecond(rate.failedPerS))}
        >
          {trans.__('%1/s', perSecond(rate.perS))}
        </span>
      )}
      <span className="jp-Mlops-aside" title={trans.__('Serves %1', serves.join(', '))}>
        <bdi>{serves.map(one => servedText(one, service.name)).join(', ')}</bdi>
      </span>
      {url && (
        <button
          type="button"
          className="jp-Mlops-action"
          title={trans.__('Copy %1', url)}
          aria-label={trans.__('Copy the URL of %1', service.name)}
          tabIndex={-1}
          onDoubleClick={event => event.stopPropagation()}
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
