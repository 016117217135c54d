/** The view of one service. */

import '../../style/service.css';
import '../../style/serviceconsole.css';

import { useEffect, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { asApiError } from '../api/errors';
import type { Service } from '../api/types';
import { useDraft } from '../common/draft';
import { useKept } from '../common/kept';
import { Tabs } from '../common/ui/tabs';
import { Busy, Failed, Stale } from '../common/ui/states';
import { Below } from '../common/ui/told';
import { Lineage } from '../lineage/panel';
import type { Asked, ViewProps } from '../main/views';
import { Access } from './access';
import { Head } from './head';
import { Live } from './live';
import { Logs } from './logs';
import { useService } from './queries';
import { Requests } from './requests';
import { Settings } from './settings';
import { NO_DRAFT } from './trying';
import type { Draft } from './trying';
import { TryIt, useSending } from './tryit';

export function View({ subject, asked = null }: ViewProps): JSX.Element {
  const trans = useTrans();
  const { data: service, error } = useService(subject);
  if (!service) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Loading the service')} />;
  }
  const isGone = error !== null && asApiError(error).kind === 'problem';
  return (
    <div className="jp-Mlops-service">
      <Head service={service} />
      {isGone ? <Failed error={error} /> : <Stale error={error} />}
      <Below error={error}>
        <Parts service={service} asked={asked} />
      </Below>
    </div>
  );
}

function Parts(props: { readonly service: Service; readonly asked: Asked | null }): JSX.Element {
  const { service, asked } = props;
  const trans = useTrans();
  const [tab, choose] = useKept<string>('service-tab', 'live');
  const [replica, setReplica] = useState('');
  const [search, setSearch] = useState('');
  const { draft = NO_DRAFT, write } = useDraft<Draft>(`request to service ${service.name}`);
  const sending = useSending(service.name);
  useAsked(asked, choose);
  const showLogs = (id: string, words = ''): void => {
    setReplica(id);
    setSearch(words);
    choose('logs');
  };
  const tryOut = (text: string): void => {
    write({ ...draft, text, media: 'application/json', file: null });
    choose('try');
  };
  return (
    <Tabs
      label={trans.__('Service')}
      chosen={tab}
      onChoose={choose}
      tabs={[
        {
          id: 'live',
          label: trans.__('Live'),
          content: () => <Live service={service} onLogs={showLogs} />
        },
        {
          id: 'try',
          label: trans.__('Try it'),
          content: () => (
            <TryIt
              service={service}
              draft={draft}
              onDraft={write}
              sending={sending}
              onFind={id => showLogs('', id)}
            />
          )
        },
        {
          id: 'logs',
          label: trans.__('Logs'),
          content: () => (
            <Logs
              service={service}
              replica={replica}
              onReplica={setReplica}
              search={search}
              onSearch={setSearch}
            />
          )
        },
        {
          id: 'requests',
          label: trans.__('Requests'),
          content: () => <Requests service={service} onTry={tryOut} />
        },
        {
          id: 'lineage',
          label: trans.__('Lineage'),
          content: () => (
            <Lineage
              kind="service"
              name={service.name}
              onPick={box => box.id === `service:${service.name}`}
            />
          )
        },
        { id: 'access', label: trans.__('Access'), content: () => <Access service={service} /> },
        { id: 'settings', label: trans.__('Settings'), content: () => <Settings service={service} /> }
      ]}
    />
  );
}

/** Show a tab that somebody asks for from elsewhere. */
function useAsked(asked: Asked | null, choose: (tab: string) => void): void {
  useEffect(() => {
    if (asked) {
      choose(asked.tab);
    }
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once with each time that somebody asks
  }, [asked]);
}
