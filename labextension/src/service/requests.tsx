/** Requests that were kept as telemetry, and what applies to keeping them. */

import { Fragment, useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { Service } from '../api/types';
import { CommandIDs } from '../commands';
import { pretty } from '../common/json';
import { Button } from '../common/ui/button';
import { LinkButton } from '../common/ui/link';
import { Empty, Failed, Stale } from '../common/ui/states';
import { Code } from './code';
import { latencyText } from './figures';
import { useRequests } from './queries';
import type { KeptRequest } from './queries';
import { TableHead } from './tablehead';

interface Props {
  readonly service: Service;
  readonly onTry: (body: string) => void;
}

export function Requests({ service, onTry }: Props): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const refused = useRefusal();
  const [since, setSince] = useState('1h');
  const requests = useRequests(service.name, since);
  const items = [...(requests.data ?? [])].reverse();
  return (
    <div>
      <div className="jp-Mlops-tryBar" role="group" aria-label={trans.__('Which requests')}>
        <label>
          {trans.__('Of the last')}
          <select className="jp-Mlops-select" value={since} onChange={event => setSince(event.target.value)}>
            <option value="15m">{trans.__('15 minutes')}</option>
            <option value="1h">{trans.__('hour')}</option>
            <option value="1d">{trans.__('day')}</option>
            <option value="7d">{trans.__('week')}</option>
          </select>
        </label>
        <Button busy={requests.isFetching} onClick={() => void requests.refetch()}>
          {trans.__('Refresh')}
        </Button>
        <span className="jp-Mlops-quiet">{applies(service, trans)}</span>
        <Button
          refused={refused}
          onClick={() => void session.run(CommandIDs.configureService, { service: service.name })}
        >
          {trans.__('Change…')}
        </Button>
      </div>
      {requests.data && <Stale error={requests.error} />}
      {requests.error && !requests.data ? (
        <Failed error={requests.error} />
      ) : items.length ? (
        <RequestTable items={items} onTry={onTry} />
      ) : (
        <Empty title={requests.data ? trans.__('No request was kept of that time.') : trans.__('Loading…')}>
          {trans.__('A request is seen here some seconds after it was answered.')}
        </Empty>
      )}
    </div>
  );
}

/** What is kept of requests, in one line. */
export function applies({ telemetry }: Service, trans: ReturnType<typeof useTrans>): string {
  if (!telemetry.enabled) {
    return trans.__('Requests are not kept.');
  }
  const parts = [
    telemetry.sample < 1
      ? trans.__('%1 % of requests are kept, drawn by lot', Number((telemetry.sample * 100).toPrecision(3)))
      : trans.__('All requests are kept'),
    telemetry.keep_days ? trans._n('for a day', 'for %1 days', telemetry.keep_days) : trans.__('for good'),
    telemetry.store ? trans.__('in %1', telemetry.store) : trans.__('in the workspace')
  ];
  if (telemetry.drop.length) {
    parts.push(trans.__('without %1', telemetry.drop.join(', ')));
  }
  if (telemetry.hash.length) {
    parts.push(trans.__('with %1 as digests', telemetry.hash.join(', ')));
  }
  return `${parts.join(', ')}.`;
}

function RequestTable(props: {
  readonly items: readonly KeptRequest[];
  readonly onTry: (body: string) => void;
}): JSX.Element {
  const trans = useTrans();
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string): void =>
    setOpen(new Set(open.has(id) ? [...open].filter(one => one !== id) : [...open, id]));
  return (
    <div className="jp-Mlops-tableScroll">
      <table className="jp-Mlops-table">
        <TableHead
          columns={[
            { name: trans.__('Time') },
            { name: trans.__('Status'), isNumber: true },
            { name: trans.__('Latency'), isNumber: true },
            { name: trans.__('Rows'), isNumber: true },
            { name: trans.__('Deployment') },
            { name: trans.__('Model') },
            { name: trans.__('Request') }
          ]}
        />
        <tbody>
          {props.items.map((one, i) => {
            const id = `${one.id}-${i}`;
            return (
              <Fragment key={id}>
                <tr>
                  <td title={one.at}>{new Date(one.at).toLocaleString()}</td>
                  <td className={`jp-mod-number ${one.status >= 400 ? 'jp-mod-bad' : ''}`}>{one.status}</td>
                  <td className="jp-mod-number">{latencyText(one.ms / 1000)}</td>
                  <td className="jp-mod-number">{one.rows}</td>
                  <td>{one.deployment}</td>
                  <td>{one.model}</td>
                  <td>
                    <LinkButton expanded={open.has(id)} onClick={() => toggle(id)}>
                      {one.id}
                    </LinkButton>
                  </td>
                </tr>
                {open.has(id) && (
                  <tr>
                    <td colSpan={7}>
                      <Detail request={one} onTry={props.onTry} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Detail(props: {
  readonly request: KeptRequest;
  readonly onTry: (body: string) => void;
}): JSX.Element {
  const { request, onTry } = props;
  const trans = useTrans();
  const hasInputs = request.inputs !== null && request.inputs !== undefined;
  const fields = Object.entries(request.collected);
  return (
    <div className="jp-Mlops-requestDetail">
      <Kept title={trans.__('Sent')} value={request.inputs} />
      <Kept title={trans.__('Answered')} value={request.outputs} />
      {fields.length > 0 && <Kept title={trans.__('Collected')} value={request.collected} />}
      {request.left_out && <p className="jp-Mlops-quiet">{request.left_out}</p>}
      {hasInputs && typeof request.inputs !== 'string' && (
        <Button onClick={() => onTry(pretty(request.inputs))}>{trans.__('Try it again')}</Button>
      )}
    </div>
  );
}

const MOST_SHOWN = 20_000;

function Kept({ title, value }: { readonly title: string; readonly value: unknown }): JSX.Element | null {
  return value === null || value === undefined ? null : (
    <section>
      <strong>{title}</strong>
      <Code label={title} text={(typeof value === 'string' ? value : pretty(value)).slice(0, MOST_SHOWN)} />
    </section>
  );
}
