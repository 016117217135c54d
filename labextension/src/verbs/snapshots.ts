/** Verbs of snapshots. */

import { Notification } from '@jupyterlab/apputils';

import { CommandIDs } from '../commands';
import { URLExt } from '@jupyterlab/coreutils';

import { size } from '../common/format';
import { askForm } from '../forms/dialog';
import { textOf, wordsOf } from '../forms/model';
import type { ComboField } from '../forms/model';
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
        ...snapshotField(context, snapshot),
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

/** Which snapshot, unless that was said. */
function snapshotField(context: Context, snapshot: string | undefined): readonly ComboField[] {
  const label = context.trans.__('Snapshot');
  const suggest = snapshotNames(context);
  return snapshot ? [] : [{ kind: 'combo', name: 'snapshot', label, required: true, suggest }];
}

/** As an archive, which the browser itself fetches: it may be larger than what a page should hold. */
export async function downloadSnapshot(context: Context, { snapshot }: { snapshot?: string }): Promise<void> {
  const { trans, client, session } = context;
  const done = snapshot
    ? { value: snapshot }
    : await askForm(
        {
          title: trans.__('Download a Snapshot'),
          intro: trans.__('As a zip file with all that it holds.'),
          accept: trans.__('Download'),
          fields: snapshotField(context, undefined),
          send: async values => {
            const path = { ref: textOf(values, 'snapshot') };
            return (await client.get('/snapshots/{ref}', { path })).snapshot.name;
          }
        },
        trans
      );
  if (done) {
    const { baseUrl } = session.lab.manager.serverSettings;
    const link = document.createElement('a');
    link.href = URLExt.join(baseUrl, 'mlops/api/snapshots', encodeURIComponent(done.value), 'export');
    link.download = `${done.value}.zip`;
    link.click();
  }
}

/** What would go is said before it goes. */
export async function removeUnusedSnapshots(context: Context): Promise<void> {
  const { trans, client } = context;
  const plan = await client.post('/snapshots/gc', { body: { dry_run: true } });
  const n = plan.snapshots.length;
  if (!plan.n_bytes && !n && !plan.n_files) {
    said(trans.__('Nothing to remove: runs refer to every snapshot.'));
    return;
  }
  const done = await askForm(
    {
      title: trans.__('Remove Unused Snapshots'),
      intro: trans._n(
        'No run refers to %1 snapshot. It goes for good, with what only it needed: %2. Runs in the trash keep theirs.',
        'No run refers to %1 snapshots. They go for good, with what only they needed: %2. Runs in the trash keep theirs.',
        n,
        size(plan.n_bytes)
      ),
      accept: trans.__('Remove'),
      warn: true,
      fields: [],
      send: () => client.post('/snapshots/gc', { body: { dry_run: false } })
    },
    trans
  );
  if (done) {
    await context.session.queries.invalidateQueries({ queryKey: ['snapshots'] });
    const { snapshots, n_bytes, warnings } = done.value;
    const gone = trans._n(
      'Removed %1 snapshot and freed %2.',
      'Removed %1 snapshots and freed %2.',
      snapshots.length,
      size(n_bytes)
    );
    Notification.emit([gone, ...warnings].join(' '), warnings.length ? 'warning' : 'success', {
      autoClose: 8000
    });
  }
}
