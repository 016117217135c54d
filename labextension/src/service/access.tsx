/** What a client needs: the keys, code that calls the service, and the certificate to trust. */

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { useEffect, useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { Service } from '../api/types';
import { CommandIDs } from '../commands';
import { moment } from '../common/format';
import { Button } from '../common/ui/button';
import { Facts, Part } from '../common/ui/parts';
import { Failed } from '../common/ui/states';
import { Tabs } from '../common/ui/tabs';
import { Code } from './code';
import { useProgram, useTrust } from './queries';
import type { Language } from './queries';

export function Access({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <Part title={trans.__('Keys')}>
        {/* What was shown of keys that are no more is not. */}
        <Keys key={service.key_digests.join(' ')} service={service} />
      </Part>
      <Part title={trans.__('Client code')}>
        <Programs service={service} />
      </Part>
      <Part title={trans.__('Certificate')}>
        <Certificate service={service} />
      </Part>
    </>
  );
}

type Which = 'primary' | 'secondary';

/** A key that was shown is hidden again after so long. */
const SHOWN_MS = 60_000;

function Keys({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const session = useSession();
  const refused = useRefusal();
  const [shown, setShown] = useState<Readonly<Partial<Record<Which, string>>>>({});
  const [said, setSaid] = useState('');
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const timer = window.setTimeout(() => setShown({}), SHOWN_MS);
    return () => window.clearTimeout(timer);
  }, [shown]);

  // Keys are asked for when they are wanted, and are in no cache.
  const withKey = async (which: Which, take: (key: string) => void): Promise<void> => {
    try {
      const keys = await session.client.get('/services/{name}/keys', { path: { name: service.name } });
      setError(null);
      take(keys[which]);
    } catch (caught) {
      setError(caught);
    }
  };
  const row = (which: Which, name: string): JSX.Element => (
    <div className="jp-Mlops-key" role="group" aria-label={name}>
      <span className="jp-Mlops-keyName">{name}</span>
      <code className="jp-Mlops-keyText">{shown[which] ?? '•'.repeat(24)}</code>
      <Button
        refused={refused}
        onClick={() =>
          shown[which] === undefined
            ? void withKey(which, key => setShown({ ...shown, [which]: key }))
            : setShown({ ...shown, [which]: undefined })
        }
      >
        {shown[which] === undefined ? trans.__('Show') : trans.__('Hide')}
      </Button>
      <Button
        refused={refused}
        title={trans.__('Copy it without showing it')}
        onClick={() =>
          void withKey(which, key => {
            Clipboard.copyToSystem(key);
            setSaid(trans.__('%1 is copied.', name));
          })
        }
      >
        {trans.__('Copy')}
      </Button>
      <Button
        refused={refused}
        title={trans.__('Make a new one; the old one opens no longer, and the other goes on')}
        onClick={() => void session.run(CommandIDs.regenerateKey, { service: service.name, which })}
      >
        {trans.__('Regenerate…')}
      </Button>
    </div>
  );
  return (
    <>
      <p className="jp-Mlops-quiet">
        {trans.__(
          'Each of the two opens the service, as "Authorization: Bearer KEY" or "x-api-key: KEY". Move clients to one while you regenerate the other.'
        )}
      </p>
      {row('primary', trans.__('Primary key'))}
      {row('secondary', trans.__('Secondary key'))}
      <p className="jp-Mlops-quiet" role="status">
        {said}
      </p>
      {error !== null && <Failed error={error} />}
    </>
  );
}

const LANGUAGES: readonly (readonly [Language, string])[] = [
  ['python', 'Python'],
  ['curl', 'curl'],
  ['javascript', 'JavaScript'],
  ['java', 'Java'],
  ['csharp', 'C#'],
  ['r', 'R']
];

function Programs({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const [language, setLanguage] = useState<Language>('python');
  return (
    <div className="jp-Mlops-programs">
      <Tabs
        label={trans.__('Language')}
        chosen={language}
        onChoose={id => setLanguage(id as Language)}
        tabs={LANGUAGES.map(([id, name]) => ({
          id,
          label: name,
          content: () => <Program service={service} language={id} />
        }))}
      />
    </div>
  );
}

function Program(props: { readonly service: Service; readonly language: Language }): JSX.Element {
  const trans = useTrans();
  const { data, error } = useProgram(props.service.name, props.language);
  const [said, setSaid] = useState('');
  if (!data) {
    return error ? <Failed error={error} /> : <p className="jp-Mlops-quiet">{trans.__('Loading…')}</p>;
  }
  return (
    <>
      <div className="jp-Mlops-tryBar">
        <span>
          {trans.__('Save it as %1, then run', data.file)} <code>{data.run}</code>
        </span>
        <Button
          onClick={() => {
            Clipboard.copyToSystem(data.source);
            setSaid(trans.__('Copied.'));
          }}
        >
          {trans.__('Copy code')}
        </Button>
        <span className="jp-Mlops-quiet" role="status">
          {said}
        </span>
      </div>
      <Code label={data.file} text={data.source} />
    </>
  );
}

function Certificate({ service }: { readonly service: Service }): JSX.Element {
  const trans = useTrans();
  const refused = useRefusal();
  const { data: trust, error } = useTrust(service);
  const [failed, setFailed] = useState<unknown>(null);
  const renew = useRenewal(service, setFailed);
  const { certificate } = service;
  return (
    <>
      {certificate === null ? (
        <div className="jp-Mlops-tryBar">
          <span>{trans.__('It speaks plain HTTP: what is sent can be read on the way.')}</span>
          <Button refused={refused} onClick={() => void renew()}>
            {trans.__('Use HTTPS…')}
          </Button>
        </div>
      ) : (
        <>
          <Facts
            facts={[
              {
                name: trans.__('Kind'),
                value:
                  certificate.kind === 'given'
                    ? trans.__('given')
                    : trans.__('self-made, renewed before it ends')
              },
              { name: trans.__('For'), value: certificate.names.join(', ') },
              { name: trans.__('Valid from'), value: moment(certificate.begins_at) },
              { name: trans.__('Valid until'), value: moment(certificate.expires_at) },
              { name: trans.__('SHA-256'), value: <code>{certificate.fingerprint}</code> },
              ...(trust?.authority_file
                ? [{ name: trans.__('To trust'), value: <code>{trust.authority_file}</code> }]
                : [])
            ]}
          />
          <div className="jp-Mlops-tryBar">
            {trust?.authority && (
              <Button
                title={trans.__('The certificate of the workspace’s authority, which clients have to trust')}
                onClick={() => Clipboard.copyToSystem(trust.authority)}
              >
                {trans.__('Copy the authority')}
              </Button>
            )}
            <Button refused={refused} onClick={() => void renew()}>
              {trans.__('Renew…')}
            </Button>
          </div>
        </>
      )}
      {error && <Failed error={error} />}
      {failed !== null && <Failed error={failed} />}
    </>
  );
}

/** Return what asks, and then lets the service show a fresh self-made certificate. */
function useRenewal(service: Service, fail: (error: unknown) => void): () => Promise<void> {
  const { client } = useSession();
  const trans = useTrans();
  const isFirst = service.certificate === null;
  return async () => {
    const { button } = await showDialog({
      title: isFirst
        ? trans.__('Let %1 speak HTTPS?', service.name)
        : trans.__('Give %1 a fresh self-made certificate?', service.name),
      body: isFirst
        ? trans.__(
            'Its address begins with https from then on, and clients have to trust the authority of this workspace.'
          )
        : trans.__(
            'No connection is dropped. A certificate that you gave is replaced; give another one with `mlops services tls`.'
          ),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        Dialog.okButton({ label: isFirst ? trans.__('Use HTTPS') : trans.__('Renew') })
      ]
    });
    if (!button.accept) {
      return;
    }
    try {
      await client.post('/services/{name}/certificate', { path: { name: service.name }, body: {} });
      fail(null);
    } catch (error) {
      fail(error);
    }
  };
}
