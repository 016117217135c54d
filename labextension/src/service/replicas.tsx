/** The replicas of a service, each with what it uses and a way to its log. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { useNow } from '../common/clock';
import { age, moment, size } from '../common/format';
import { StatusIcon } from '../common/icons';
import type { Tone } from '../common/icons';
import { Button } from '../common/ui/button';
import { Named } from './named';
import { latencyText, rateText, shareOf } from './figures';
import type { Figures, ReplicaFigures } from './figures';
import { TableHead } from './tablehead';
import { replicaStateName } from './words';

const TONES: Readonly<Record<ReplicaFigures['state'], Tone>> = {
  ready: 'good',
  starting: 'busy',
  busy: 'warn',
  ended: 'bad'
};

interface Props {
  readonly looks: readonly Figures[];
  readonly onLogs: (replica: string) => void;
}

export function Replicas({ looks, onLogs }: Props): JSX.Element {
  const trans = useTrans();
  const replicas = looks.at(-1)?.replicas ?? [];
  if (!replicas.length) {
    return (
      <p className="jp-Mlops-quiet">
        {looks.length ? trans.__('None runs.') : trans.__('Looking for them…')}
      </p>
    );
  }
  return (
    <div className="jp-Mlops-tableScroll">
      <table className="jp-Mlops-table">
        <TableHead
          columns={[
            { name: trans.__('Replica') },
            { name: trans.__('Deployment') },
            { name: trans.__('State') },
            { name: trans.__('Host') },
            { name: trans.__('Requests/s'), isNumber: true },
            { name: 'p99', isNumber: true },
            { name: trans.__('In flight'), isNumber: true },
            { name: trans.__('CPU'), isNumber: true },
            { name: trans.__('Memory'), isNumber: true },
            { name: trans.__('Started') },
            { name: trans.__('Logs'), isSaid: true }
          ]}
        />
        <tbody>
          {replicas.map(one => (
            <Row key={one.id} replica={one} looks={looks} onLogs={onLogs} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ replica, looks, onLogs }: Props & { readonly replica: ReplicaFigures }): JSX.Element {
  const trans = useTrans();
  const now = useNow();
  const share = shareOf(looks, one => one.id === replica.id);
  const where = replica.container
    ? trans.__('container %1', replica.container)
    : replica.pid
      ? trans.__('process %1', replica.pid)
      : '';
  const state = replicaStateName(replica.state, trans);
  return (
    <tr>
      <th scope="row">
        <code title={replica.id}>{replica.id.slice(0, 8)}</code>
      </th>
      <td>
        <bdi>{replica.deployment}</bdi>
        <div className="jp-Mlops-quiet">
          {replica.current ? replica.manifest : trans.__('%1, in a roll-out', replica.manifest)}
        </div>
      </td>
      <td>
        <span className="jp-Mlops-serviceState">
          <StatusIcon tone={TONES[replica.state]} title={state} />
          {state}
        </span>
      </td>
      <td>
        {replica.host}
        <div className="jp-Mlops-quiet">{where}</div>
      </td>
      <td className="jp-mod-number">{rateText(share?.perS ?? null)}</td>
      <td className="jp-mod-number">{latencyText(share?.p99S ?? null)}</td>
      <td className="jp-mod-number">{replica.in_flight}</td>
      <td className="jp-mod-number" title={trans.__('Of one processor')}>
        {share?.cpus === null || share === null ? '–' : `${Math.round(share.cpus * 100)} %`}
      </td>
      <td className="jp-mod-number">{replica.memory_bytes ? size(replica.memory_bytes) : '–'}</td>
      <td title={moment(replica.started_at)}>{age(replica.started_at, now)}</td>
      <td>
        <Button onClick={() => onLogs(replica.id)}>
          <Named short={trans.__('Logs')} whole={trans.__('Logs of replica %1', replica.id)} />
        </Button>
      </td>
    </tr>
  );
}
