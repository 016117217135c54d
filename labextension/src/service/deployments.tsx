/** The deployments of a service: what each does, and sliders for its share of the traffic, which sum to 100. */

import { Dialog, showDialog } from '@jupyterlab/apputils';
import { useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { Service } from '../api/types';
import { Button } from '../common/ui/button';
import { Failed } from '../common/ui/states';
import { latencyText, rateText, shareOf } from './figures';
import { Named } from './named';
import type { Figures } from './figures';
import { weightsOf } from './model';
import type { Deployment } from './model';
import { useMirrored } from './queries';
import type { Mirrored } from './queries';
import { TableHead } from './tablehead';
import { ALL, moved, sameWeights } from './traffic';
import type { Weights } from './traffic';

export function Deployments(props: {
  readonly service: Service;
  readonly looks: readonly Figures[];
}): JSX.Element {
  const { service, looks } = props;
  const trans = useTrans();
  const traffic = useShares(service);
  const mirrored = useMirrored(service).data ?? [];
  const { error, setError } = traffic;
  const remove = useRemove(service, setError);
  if (!service.deployments.length) {
    return <p className="jp-Mlops-quiet">{trans.__('Nothing is deployed yet.')}</p>;
  }
  return (
    <>
      <div className="jp-Mlops-tableScroll">
        <table className="jp-Mlops-table">
          <TableHead
            columns={[
              { name: trans.__('Deployment') },
              { name: trans.__('Replicas'), isNumber: true },
              { name: trans.__('Requests/s'), isNumber: true },
              { name: 'p50', isNumber: true },
              { name: 'p99', isNumber: true },
              { name: trans.__('Errors/s'), isNumber: true },
              { name: trans.__('Traffic') },
              {
                name: trans.__('Copies'),
                title: trans.__('Percent of the requests of which it gets a copy; nobody gets the answers')
              },
              { name: trans.__('Remove'), isSaid: true }
            ]}
          />
          <tbody>
            {service.deployments.map(one => (
              <Row
                key={one.name}
                deployment={one}
                isOnly={service.deployments.length === 1}
                looks={looks}
                traffic={traffic}
                copies={mirrored.find(each => each.deployment === one.name)}
                onRemove={() => void remove(one)}
              />
            ))}
          </tbody>
        </table>
      </div>
      {traffic.isChanged && (
        <div className="jp-Mlops-serviceApply" role="group" aria-label={trans.__('Changed shares')}>
          <Button tone="accept" busy={traffic.isBusy} onClick={() => void traffic.apply()}>
            {trans.__('Apply')}
          </Button>
          <Button onClick={traffic.reset}>{trans.__('Reset')}</Button>
          <span className="jp-Mlops-quiet">{trans.__('Takes effect at once; no request is lost.')}</span>
        </div>
      )}
      {error !== null && <Failed error={error} />}
    </>
  );
}

interface RowProps {
  readonly deployment: Deployment;
  readonly isOnly: boolean;
  readonly looks: readonly Figures[];
  readonly traffic: Shares;
  readonly copies: Mirrored | undefined;
  readonly onRemove: () => void;
}

function Row({ deployment, isOnly, looks, traffic, copies, onRemove }: RowProps): JSX.Element {
  const trans = useTrans();
  const lookOnly = useRefusal();
  const { name, scale } = deployment;
  const share = shareOf(looks, one => one.deployment === name);
  const ready = looks
    .at(-1)
    ?.replicas.filter(one => one.deployment === name && one.current && one.state === 'ready');
  const restarts = looks.at(-1)?.restarts[name] ?? 0;
  const refused = lookOnly ?? (isOnly ? trans.__('It is the only one: delete the service instead.') : null);
  return (
    <tr>
      <th scope="row">
        <bdi>{name}</bdi>
        <div className="jp-Mlops-quiet">{trans.__('manifest %1', deployment.manifest)}</div>
      </th>
      <td className="jp-mod-number" title={scale ? trans.__('It follows the load') : undefined}>
        {trans.__('%1 of %2', ready?.length ?? '–', deployment.replicas)}
        {restarts > 0 && (
          <div
            className="jp-mod-bad"
            title={trans.__('Replicas that ended by themselves since it serves this; the log says why')}
          >
            {trans._n('%1 restart', '%1 restarts', restarts)}
          </div>
        )}
        {scale && (
          <div className="jp-Mlops-quiet">
            {trans.__(
              '%1 to %2, at %3 %',
              scale.min_replicas,
              scale.max_replicas,
              Math.round(scale.target_utilization * 100)
            )}
          </div>
        )}
      </td>
      <td className="jp-mod-number">{rateText(share?.perS ?? null)}</td>
      <td className="jp-mod-number">{latencyText(share?.p50S ?? null)}</td>
      <td className="jp-mod-number">{latencyText(share?.p99S ?? null)}</td>
      <td className={`jp-mod-number ${share?.failedPerS ? 'jp-mod-bad' : ''}`}>
        {rateText(share?.failedPerS ?? null)}
      </td>
      <td>
        <Traffic name={name} isOnly={isOnly || lookOnly !== null} traffic={traffic} />
      </td>
      <td>
        <CopiesCell name={name} canWrite={lookOnly === null} traffic={traffic} copies={copies} />
      </td>
      <td>
        <Button refused={refused} onClick={onRemove}>
          <Named short={trans.__('Remove…')} whole={trans.__('Remove deployment %1', name)} />
        </Button>
      </td>
    </tr>
  );
}

function Traffic(props: {
  readonly name: string;
  readonly isOnly: boolean;
  readonly traffic: Shares;
}): JSX.Element {
  const { name, isOnly, traffic } = props;
  const trans = useTrans();
  const weight = traffic.weights[name] ?? 0;
  const move = (to: number): void => traffic.move(name, to);
  return (
    <span className="jp-Mlops-slider">
      <input
        type="range"
        min={0}
        max={ALL}
        step={1}
        value={weight}
        disabled={isOnly}
        aria-label={trans.__('Traffic of %1', name)}
        aria-valuetext={trans.__('%1 percent', weight)}
        onChange={event => move(event.target.valueAsNumber)}
      />
      <Percent
        label={trans.__('Percent of traffic of %1', name)}
        value={weight}
        disabled={isOnly}
        onChange={move}
      />
    </span>
  );
}

function CopiesCell(props: {
  readonly name: string;
  readonly canWrite: boolean;
  readonly traffic: Shares;
  readonly copies: Mirrored | undefined;
}): JSX.Element {
  const { name, traffic, copies } = props;
  const trans = useTrans();
  return (
    <span className="jp-Mlops-slider">
      <Percent
        label={trans.__('Percent of requests copied to %1', name)}
        value={traffic.mirrors[name] ?? 0}
        disabled={!props.canWrite}
        onChange={to => traffic.mirror(name, to)}
      />
      {copies && (
        <span
          className="jp-Mlops-quiet"
          title={trans.__(
            '%1 answered, %2 failed, %3 not sent',
            copies.copies.answered,
            copies.copies.failed,
            copies.copies.dropped
          )}
        >
          {trans._n('%1 copy', '%1 copies', copies.copies.answered + copies.copies.failed)}
        </span>
      )}
    </span>
  );
}

function Percent(props: {
  readonly label: string;
  readonly value: number;
  readonly disabled: boolean;
  readonly onChange: (to: number) => void;
}): JSX.Element {
  return (
    <span className="jp-Mlops-percent">
      <input
        type="number"
        min={0}
        max={ALL}
        value={props.value}
        disabled={props.disabled}
        aria-label={props.label}
        onChange={event => props.onChange(event.target.valueAsNumber)}
      />
      %
    </span>
  );
}

interface Shares {
  readonly weights: Weights;
  readonly mirrors: Weights;
  readonly isChanged: boolean;
  readonly isBusy: boolean;
  readonly error: unknown;
  readonly setError: (error: unknown) => void;
  readonly move: (name: string, to: number) => void;
  readonly mirror: (name: string, to: number) => void;
  readonly apply: () => Promise<void>;
  readonly reset: () => void;
}

/** Shares as a person moves them; those of the service as long as nobody does, and after they were applied. */
function useShares(service: Service): Shares {
  const { client, queries } = useSession();
  const [weights, setWeights] = useState<Weights | null>(null);
  const [mirrors, setMirrors] = useState<Weights | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const storedWeights = weightsOf(service);
  const storedMirrors = Object.fromEntries(service.deployments.map(one => [one.name, one.mirror]));
  const reset = (): void => {
    setWeights(null);
    setMirrors(null);
    setError(null);
  };

  const isMoved = weights !== null && !sameWeights(weights, storedWeights);
  const isMirrored = mirrors !== null && !sameWeights(mirrors, storedMirrors);
  const apply = async (): Promise<void> => {
    const path = { name: service.name };
    setBusy(true);
    setError(null);
    try {
      if (isMoved) {
        const body = { weights: { ...weights } };
        queries.setQueryData(
          ['service', service.name],
          await client.patch('/services/{name}/traffic', { path, body })
        );
        setWeights(null);
      }
      if (isMirrored) {
        const body = { percents: { ...mirrors } };
        queries.setQueryData(
          ['service', service.name],
          await client.patch('/services/{name}/mirror', { path, body })
        );
        setMirrors(null);
      }
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return {
    weights: weights ?? storedWeights,
    mirrors: mirrors ?? storedMirrors,
    isChanged: isMoved || isMirrored,
    isBusy,
    error,
    setError,
    move: (name, to) => setWeights(moved(weights ?? storedWeights, name, to)),
    mirror: (name, to) =>
      setMirrors({ ...(mirrors ?? storedMirrors), [name]: Math.max(0, Math.min(ALL, Math.round(to) || 0)) }),
    apply,
    reset
  };
}

function useRemove(
  service: Service,
  fail: (error: unknown) => void
): (deployment: Deployment) => Promise<void> {
  const { client } = useSession();
  const trans = useTrans();
  return async ({ name, weight }) => {
    const { button } = await showDialog({
      title: trans.__('Remove deployment %1?', name),
      body: weight
        ? trans.__('It gets %1 % of the traffic now: move that to another one first.', weight)
        : trans.__('Its replicas finish what they have and stop. The service goes on with the others.'),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.warnButton({ label: trans.__('Remove') })
      ]
    });
    if (!button.accept) {
      return;
    }
    try {
      await client.delete('/services/{name}/deployments/{deployment}', {
        path: { name: service.name, deployment: name }
      });
    } catch (error) {
      fail(error);
    }
  };
}
