/** What a service is set to, changed while it runs, and what was changed of what it serves. */

import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { Service } from '../api/types';
import { CommandIDs } from '../commands';
import { useNow } from '../common/clock';
import { age, moment, size, span } from '../common/format';
import { Button } from '../common/ui/button';
import { Facts, Part } from '../common/ui/parts';
import type { Deployment } from './model';
import { applies } from './requests';

type Trans = ReturnType<typeof useTrans>;

export function Settings({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const refused = useRefusal();
  const of = { service: service.name };
  const { limits } = service;
  return (
    <div className="jp-Mlops-serviceSettings">
      <Part
        title={trans.__('Limits, telemetry and logs')}
        aside={
          <Button refused={refused} onClick={() => void session.run(CommandIDs.configureService, of)}>
            {trans.__('Configure…')}
          </Button>
        }
      >
        <Facts
          facts={[
            {
              name: trans.__('Scored at once'),
              value: String(limits.max_concurrent),
              title: 'max_concurrent'
            },
            { name: trans.__('Waiting beyond those'), value: String(limits.max_queue), title: 'max_queue' },
            { name: trans.__('Scored together'), value: String(limits.max_batch), title: 'max_batch' },
            { name: trans.__('Largest body'), value: size(limits.max_body_bytes), title: 'max_body_bytes' },
            { name: trans.__('Longest answer'), value: span(limits.timeout_s), title: 'timeout_s' },
            { name: trans.__('Telemetry'), value: applies(service, trans) },
            { name: trans.__('Log lines'), value: logLevel(service, trans), title: 'log_level' },
            ...(service.otlp_endpoint
              ? [{ name: trans.__('Log lines go to'), value: service.otlp_endpoint, title: 'otlp_endpoint' }]
              : [])
          ]}
        />
        <p className="jp-Mlops-quiet">{trans.__('Limits are of each replica, and change while it runs.')}</p>
      </Part>
      <Part
        title={trans.__('Replicas')}
        aside={
          <Button refused={refused} onClick={() => void session.run(CommandIDs.scaleService, of)}>
            {trans.__('Scale…')}
          </Button>
        }
      >
        <Facts facts={service.deployments.map(one => ({ name: one.name, value: scaleText(one, trans) }))} />
      </Part>
      <Part title={trans.__('Place')}>
        <Facts
          facts={[
            { name: trans.__('Host'), value: service.host },
            { name: trans.__('Machine'), value: service.node },
            { name: trans.__('Address'), value: `${service.bind}:${service.port || '–'}` },
            { name: trans.__('Made'), value: `${moment(service.created_at)}, ${service.created_by}` }
          ]}
        />
      </Part>
      <Part title={trans.__('Changes')}>
        <History service={service} refused={refused} />
      </Part>
    </div>
  );
}

function logLevel({ log_level: level }: Service, trans: Trans): string {
  switch (level) {
    case 'info':
      return trans.__('each request, and what replicas say');
    case 'warning':
      return trans.__('requests that were refused or failed, warnings and errors');
    case 'error':
      return trans.__('requests that failed, and errors');
  }
}

function scaleText({ replicas, scale, resources }: Deployment, trans: Trans): string {
  const parts = [
    scale
      ? trans.__(
          '%1 to %2 replicas, as many as are %3 % busy with %4 requests each; now %5',
          scale.min_replicas,
          scale.max_replicas,
          Math.round(scale.target_utilization * 100),
          scale.concurrency,
          replicas
        )
      : trans._n('%1 replica', '%1 replicas', replicas)
  ];
  if (resources.cpus) {
    parts.push(trans._n('%1 processor each', '%1 processors each', resources.cpus));
  }
  if (resources.memory_bytes) {
    parts.push(trans.__('%1 of memory each', size(resources.memory_bytes)));
  }
  if (resources.gpus) {
    parts.push(trans._n('%1 GPU each', '%1 GPUs each', resources.gpus));
  }
  return parts.join(', ');
}

function History(props: { readonly service: Service; readonly refused: string | null }): JSX.Element {
  const { service, refused } = props;
  const trans = useTrans();
  const session = useSession();
  const now = useNow();
  if (!service.history.length) {
    return <p className="jp-Mlops-quiet">{trans.__('Nothing was changed since it was deployed.')}</p>;
  }
  return (
    <ol className="jp-Mlops-history">
      {service.history.map((change, i) => (
        <li key={`${change.at}-${i}`}>
          <span title={moment(change.at)}>{age(change.at, now)}</span>
          <span>{change.what}</span>
          <span className="jp-Mlops-quiet">{change.by}</span>
          {i === 0 && (
            <Button
              refused={refused}
              onClick={() => void session.run(CommandIDs.rollbackService, { service: service.name })}
            >
              {trans.__('Roll back…')}
            </Button>
          )}
        </li>
      ))}
    </ol>
  );
}
