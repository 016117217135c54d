/** The files of a version with sizes and digests, and the packages that it needs. */

import { Clipboard, InputDialog, Notification } from '@jupyterlab/apputils';
import { useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { ModelFile } from '../api/types';
import { size } from '../common/format';
import { Button } from '../common/ui/button';
import { LinkButton } from '../common/ui/link';
import { Part } from '../common/ui/parts';
import { Busy, Failed } from '../common/ui/states';
import { short, splitFolder } from './model';
import { Troubles } from './overview';
import { useContents } from './queries';

export function Files({ name, version }: { readonly name: string; readonly version: number }): JSX.Element {
  const trans = useTrans();
  const { data, error } = useContents(name, version);
  if (!data) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Reading the files')} />;
  }
  return (
    <>
      <Troubles contents={data} />
      <div className="jp-Mlops-modelColumns">
        <Part
          title={trans._n('%1 file, %2', '%1 files, %2', data.files.length, size(data.n_bytes))}
          aside={<Download name={name} version={version} />}
        >
          <FileTable files={data.files} />
        </Part>
        <Part
          title={trans.__('What it needs')}
          aside={
            data.requirements.length > 0 && (
              <Button onClick={() => Clipboard.copyToSystem(data.requirements.join('\n') + '\n')}>
                {trans.__('Copy')}
              </Button>
            )
          }
        >
          {data.python && <p>{trans.__('Python %1', data.python)}</p>}
          {data.requirements.length ? (
            <ul className="jp-Mlops-modelPackages">
              {data.requirements.map(line => (
                <li key={line}>
                  <bdi>{line}</bdi>
                </li>
              ))}
            </ul>
          ) : (
            <p className="jp-Mlops-quiet">{trans.__('Its files list no packages.')}</p>
          )}
        </Part>
      </div>
    </>
  );
}

const MOST = 500;

function FileTable({ files }: { readonly files: readonly ModelFile[] }): JSX.Element {
  const trans = useTrans();
  const [isWhole, setIsWhole] = useState(false);
  const shown = isWhole ? files : files.slice(0, MOST);
  return (
    <>
      <table className="jp-Mlops-modelTable" aria-label={trans.__('Files')}>
        <thead>
          <tr>
            <th scope="col">{trans.__('Path')}</th>
            <th scope="col">{trans.__('Size')}</th>
            <th scope="col">{'SHA-256'}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(file => (
            <tr key={file.path}>
              <th scope="row">
                <bdi>{file.path}</bdi>
              </th>
              <td className="jp-mod-number">{size(file.n_bytes)}</td>
              <td>
                {file.digest ? (
                  <LinkButton
                    isCode
                    title={trans.__('Copy %1', file.digest)}
                    label={trans.__('Copy the digest of %1', file.path)}
                    onClick={() => Clipboard.copyToSystem(file.digest)}
                  >
                    {short(file.digest)}
                  </LinkButton>
                ) : (
                  <span
                    className="jp-Mlops-quiet"
                    title={trans.__('Too large to be read for this; a manifest pins it.')}
                  >
                    {trans.__('not read')}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {files.length > shown.length && (
        <Button onClick={() => setIsWhole(true)}>{trans.__('Show all %1', files.length)}</Button>
      )}
    </>
  );
}

/** Copies the files into a new folder of the file browser's. */
export function Download({
  name,
  version
}: {
  readonly name: string;
  readonly version: number;
}): JSX.Element {
  const session = useSession();
  const trans = useTrans();
  const refused = useRefusal();
  const [isBusy, setIsBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const download = async (): Promise<void> => {
    const asked = await InputDialog.getText({
      title: trans.__('Download %1:%2', name, version),
      label: trans.__('Into a new folder, as the file browser names it'),
      text: `${name}-${version}`,
      okLabel: trans.__('Download')
    });
    const { inside, name: folder } = splitFolder(asked.value ?? '');
    if (!asked.button.accept || !folder) {
      return;
    }
    setIsBusy(true);
    setError(null);
    try {
      await session.client.post('/models/{name}/versions/{version}/download', {
        path: { name, version },
        body: { name: folder, inside }
      });
      const path = [inside, folder].filter(Boolean).join('/');
      const { commands } = session.lab;
      Notification.success(trans.__('The files of %1:%2 are in %3.', name, version, path), {
        autoClose: 8000,
        actions: commands.hasCommand('filebrowser:open-path')
          ? [
              {
                label: trans.__('Show'),
                callback: () => void commands.execute('filebrowser:open-path', { path })
              }
            ]
          : []
      });
    } catch (failure) {
      setError(failure);
    } finally {
      setIsBusy(false);
    }
  };
  return (
    <>
      <Button refused={refused} busy={isBusy} onClick={() => void download()}>
        {trans.__('Download…')}
      </Button>
      {error !== null && <Failed error={error} />}
    </>
  );
}
