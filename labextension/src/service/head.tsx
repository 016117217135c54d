/** What is always to be seen of a service: where it answers, how it is and why, what goes on with it, and what can be done. */

import { Clipboard } from '@jupyterlab/apputils';
import { Fragment, useState } from 'react';
import type { JSX } from 'react';

import { titleOf } from '../activities/model';
import { useRefusal, useSession, useTrans } from '../api/context';
import type { Activity, Service } from '../api/types';
import { CommandIDs } from '../commands';
import type { CommandArgs, CommandId } from '../commands';
import { capital } from '../common/format';
import { CopyIcon, StatusIcon } from '../common/icons';
import { serviceWord, SERVICE_TONES } from '../common/status';
import { Actions } from '../common/ui/actions';
import type { Action } from '../common/ui/actions';
import { Bar } from '../common/ui/bar';
import { Button, IconButton } from '../common/ui/button';
import { OpenLink } from '../common/ui/link';
import { ViewHead } from '../common/ui/parts';
import { activitiesOf, nWanted, servedModels } from './model';
import { useFigures, useServed, useServiceActivities } from './queries';

export function Head({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <ViewHead
        title={service.name}
        toolbarLabel={trans.__('What can be done with this service')}
        status={
          <span
            className={`jp-Mlops-serviceState jp-mod-${SERVICE_TONES[service.state]}`}
            title={service.message}
          >
            <StatusIcon tone={SERVICE_TONES[service.state]} title="" />
            {serviceWord(service.state, trans)}
          </span>
        }
        about={<About service={service} />}
      >
        <ServiceActions service={service} />
      </ViewHead>
      <Notices service={service} />
    </>
  );
}

function About({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const served = servedModels(service, useServed().data ?? []);
  return (
    <div className="jp-Mlops-serviceAbout">
      {service.url ? (
        <span className="jp-Mlops-serviceUrl">
          <code>{service.url}</code>
          <IconButton label={trans.__('Copy the URL')} onClick={() => Clipboard.copyToSystem(service.url)}>
            <CopyIcon />
          </IconButton>
        </span>
      ) : (
        <span>{trans.__('It has no address yet.')}</span>
      )}
      <span>
        {trans.__('%1 of %2 replicas ready on %3', service.n_ready, nWanted(service), service.host)}
      </span>
      {served.length > 0 && (
        <span>
          {trans.__('serves')}{' '}
          {served.map((ref, at) => (
            <Fragment key={ref}>
              {at > 0 && ', '}
              <OpenLink kind="model" subject={ref} name={ref} />
            </Fragment>
          ))}
        </span>
      )}
    </div>
  );
}

function ServiceActions({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const lookOnly = useRefusal();
  const of = { service: service.name };
  const refused = lookOnly ?? (service.state === 'deleting' ? trans.__('It is being deleted.') : null);
  const ask =
    <C extends CommandId>(command: C, args: CommandArgs[C]) =>
    (): void =>
      void session.run(command, args);
  const actions: readonly Action[] = [
    {
      id: 'update',
      label: trans.__('Update…'),
      tone: 'accept',
      refused,
      title: trans.__('Let it serve another model or version, without a lost request'),
      onClick: ask(CommandIDs.updateService, of)
    },
    {
      id: 'add',
      label: trans.__('Add deployment…'),
      refused,
      title: trans.__('Run another model beside, with its own share of the traffic'),
      onClick: ask(CommandIDs.addDeployment, of)
    },
    { id: 'scale', label: trans.__('Scale…'), refused, onClick: ask(CommandIDs.scaleService, of) },
    {
      id: 'back',
      label: trans.__('Roll back…'),
      refused: refused ?? (service.history.length ? null : trans.__('Nothing was changed yet.')),
      title: trans.__('Go back to what it served before the last change'),
      onClick: ask(CommandIDs.rollbackService, of)
    },
    {
      id: 'link',
      label: trans.__('Copy link'),
      onClick: ask(CommandIDs.copyLink, { kind: 'service', subject: service.name })
    },
    {
      id: 'delete',
      label: trans.__('Delete…'),
      tone: 'warn',
      refused,
      onClick: ask(CommandIDs.deleteService, of)
    }
  ];
  return <Actions actions={actions} />;
}

function Notices({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const { active, failed } = activitiesOf(service.name, useServiceActivities().data ?? []);
  const look = useFigures(service.name).data?.at(-1);
  const [dismissed, setDismissed] = useState('');
  const refused = useRefusal();
  return (
    <div className="jp-Mlops-serviceNotices" aria-live="polite">
      {active.map(one => (
        <Progress key={one.name} activity={one} />
      ))}
      {service.message && service.state !== 'deleting' && (
        <div className={`jp-Mlops-notice jp-mod-${SERVICE_TONES[service.state]}`} role="status">
          {service.message}
        </div>
      )}
      {failed && failed.name !== dismissed && (
        <div className="jp-Mlops-notice jp-mod-bad" role="alert">
          <div>
            <strong>{trans.__('The last change failed: %1', failed.error?.detail ?? failed.message)}</strong>
            {failed.error?.hint && <p>{failed.error.hint}</p>}
          </div>
          <Button onClick={() => setDismissed(failed.name)}>{trans.__('Dismiss')}</Button>
        </div>
      )}
      {look?.agent === false && (
        <div className="jp-Mlops-notice" role="status">
          <span>
            {trans.__(
              'The agent of this workspace is not running: what you ask for waits, and a replica that ends is not replaced.'
            )}
          </span>
          <Button tone="accept" refused={refused} onClick={() => void session.run(CommandIDs.startAgent, {})}>
            {trans.__('Start the agent')}
          </Button>
        </div>
      )}
      {look?.trouble && (
        <div className="jp-Mlops-notice" role="status">
          {look.trouble}
        </div>
      )}
    </div>
  );
}

function Progress({ activity }: { readonly activity: Activity }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const percent = Math.round(activity.progress * 100);
  const title = capital(titleOf(activity, trans));
  return (
    <div className="jp-Mlops-serviceProgress">
      <StatusIcon tone="busy" title="" />
      <strong>{trans.__('%1: %2 %', title, percent)}</strong>
      <span className="jp-Mlops-serviceStep">{activity.message}</span>
      <Bar label={title} percent={percent} />
      <Button
        refused={activity.cancel_asked ? trans.__('It was asked to stop.') : null}
        onClick={() => void session.run(CommandIDs.cancelActivity, { activity: activity.name })}
      >
        {trans.__('Cancel')}
      </Button>
    </div>
  );
}
