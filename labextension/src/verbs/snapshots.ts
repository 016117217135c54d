/** Verbs of snapshots. */

import { Notification } from '@jupyterlab/apputils';

import { CommandIDs } from '../commands';
import { askForm } from '../forms/dialog';
import { textOf, wordsOf } from '../forms/model';
import type { Context } from './context';
import { folderFields, pathField, trimmed } from './fields';
import { said } from './say';
import { noFile, snapshotNames } from './suggest';

export async function restoreSnapshot(context: Context, { snapshot }: { snapshot?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Restore a Snapshot'),
      intro: trans.__('Writes its files into a new folder; nothing that is there is touched.'),
      accept: trans.__('Restore'),
      fields: [
        ...(snapshot
          ? []
          : [
              {
                kind: 'combo' as const,
                name: 'snapshot',
                label: trans.__('Snapshot'),
                required: true,
                suggest: snapshotNames(context)
              }
            ]),
        ...folderFields(context, `snapshot-${(snapshot ?? '').slice(0, 8) || '1'}`)
      ],
      send: async values => {
        const [name, inside] = [textOf(values, 'name'), trimmed(textOf(values, 'inside'))];
        const restored = await client.post('/snapshots/{ref}/restore', {
          path: { ref: snapshot ?? textOf(values, 'snapshot') },
          body: { name, inside }
        });
        return { folder: inside ? `${inside}/${name}` : name, nLeftOut: restored.left_out.length };
      }
    },
    trans
  );
  if (done) {
    const { folder, nLeftOut } = done.value;
    const left = nLeftOut
      ? ` ${trans._n('%1 file was never stored and is not in it.', '%1 files were never stored and are not in it.', nLeftOut)}`
      : '';
    said(trans.__('Restored into %1.', folder) + left);
    await showFolder(context, folder);
  }
}

/** Show a folder in the file browser, where Lab has one. */
async function showFolder(context: Context, folder: string): Promise<void> {
  const { browser } = context.parts;
  if (browser) {
    await browser.model.cd(`/${folder}`);
    context.session.lab.shell.activateById(browser.id);
  }
}

export async function snapshotFolder(context: Context, { path }: { path?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Take a Snapshot'),
      intro: trans.__(
        'Keeps the folder’s content, less caches, environments and what its ignore files leave out.'
      ),
      accept: trans.__('Take Snapshot'),
      fields: [
        pathField(context, noFile, {
          name: 'folder',
          label: trans.__('Folder'),
          help: trans.__('The top of the file browser where this is empty.'),
          initial: path ?? context.parts.browser?.model.path ?? ''
        }),
        {
          kind: 'text',
          name: 'include',
          label: trans.__('Store these, too'),
          help: trans.__(
            'Large files and secrets that would be left out: paths or patterns, with commas between them.'
          ),
          placeholder: 'data/*.parquet',
          advanced: true
        }
      ],
      send: values =>
        client.post('/snapshots', {
          body: { folder: trimmed(textOf(values, 'folder')), include: [...wordsOf(values, 'include')] }
        })
    },
    trans
  );
  if (done) {
    const { name, n_files, warnings } = done.value;
    const message = [
      trans._n('Snapshot %2 holds %1 file.', 'Snapshot %2 holds %1 files.', n_files, name),
      ...warnings
    ].join(' ');
    Notification.emit(message, warnings.length ? 'warning' : 'success', {
      autoClose: 8000,
      actions: [
        {
          label: trans.__('Restore…'),
          callback: () => void context.session.run(CommandIDs.restoreSnapshot, { snapshot: name })
        }
      ]
    });
  }
}
