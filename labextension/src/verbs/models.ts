/** Verbs of models. */

import { Notification } from '@jupyterlab/apputils';

import { CommandIDs } from '../commands';
import { askForm } from '../forms/dialog';
import { flagOf, recordOf, textOf } from '../forms/model';
import type { Values } from '../forms/model';
import type { Context } from './context';
import { modelField, nameCheck, pathField, runField, tagsField, trimmed } from './fields';
import { opening, said } from './say';
import { allModels, anyFile, modelNames } from './suggest';

interface Registered {
  readonly run?: string;
  readonly path?: string;
}

/** From a run, or from a file or folder that was trained elsewhere. */
export async function registerModel(context: Context, { run, path }: Registered): Promise<void> {
  const { trans, client } = context;
  const isFile = (values: Values): boolean => textOf(values, 'source') === 'file';
  const done = await askForm(
    {
      title: trans.__('Register a Model'),
      intro: trans.__('It becomes the next version of the model of that name, or the first one.'),
      accept: trans.__('Register'),
      fields: [
        {
          kind: 'choice',
          name: 'source',
          label: trans.__('From'),
          initial: path === undefined ? 'run' : 'file',
          options: [
            { value: 'run', label: trans.__('A run that logged it') },
            { value: 'file', label: trans.__('A file or folder trained elsewhere') }
          ]
        },
        runField(context, run, { when: values => !isFile(values) }),
        pathField(context, anyFile, {
          name: 'file',
          label: trans.__('File or folder'),
          help: trans.__('It is copied into the workspace.'),
          required: true,
          initial: path ?? '',
          when: isFile
        }),
        {
          kind: 'combo',
          name: 'name',
          label: trans.__('Model'),
          required: true,
          initial: path === undefined ? '' : stem(path),
          check: nameCheck(trans),
          suggest: modelNames(context)
        },
        {
          kind: 'text',
          name: 'path',
          label: trans.__('Which of its models'),
          help: trans.__('Where the run logged several, or for a file among what it stored.'),
          advanced: true,
          when: values => !isFile(values)
        },
        tagsField(trans, { advanced: true })
      ],
      send: values =>
        client.post('/models', {
          body: {
            name: textOf(values, 'name'),
            tags: recordOf(values, 'tags'),
            ...(isFile(values) ? { file: trimmed(textOf(values, 'file')) } : { run: textOf(values, 'run') }),
            ...(textOf(values, 'path') && { path: textOf(values, 'path') })
          }
        })
    },
    trans
  );
  if (done) {
    const { name, version } = done.value;
    Notification.success(trans.__('Registered %1 version %2.', name, version), {
      autoClose: 8000,
      actions: [
        opening(context, trans.__('Open Model'), 'model', name),
        {
          label: trans.__('Deploy…'),
          callback: () => void context.session.run(CommandIDs.deploy, { model: name, version })
        }
      ]
    });
  }
}

/** What a model made of a file may be called: its name without the ending, less what a name may not hold. */
export function stem(path: string): string {
  const file = trimmed(path).split('/').pop() ?? '';
  return file
    .replace(/(?<=.)\.[^.]*$/, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100);
}

export async function setAlias(
  context: Context,
  { model, version }: { model?: string; version?: number }
): Promise<void> {
  const { trans, client } = context;
  const isGone = (values: Values): boolean => flagOf(values, 'remove');
  const suggestVersions = async (
    _: string,
    values: Values
  ): Promise<readonly { value: string; note: string }[]> =>
    ((await allModels(context)).find(one => one.name === textOf(values, 'model'))?.versions ?? []).map(
      one => ({
        value: String(one.version),
        note: one.aliases.map(alias => `@${alias}`).join(' ')
      })
    );
  const suggestAliases = async (): Promise<readonly { value: string }[]> => {
    const used = (await allModels(context)).flatMap(one => Object.keys(one.aliases));
    return [...new Set([...used, 'champion', 'challenger', 'production', 'staging'])].map(value => ({
      value
    }));
  };
  const done = await askForm(
    {
      title: trans.__('Set an Alias'),
      intro: trans.__('It names this version from now on, and no other one of the model.'),
      accept: trans.__('Set Alias'),
      fields: [
        modelField(context, model ?? '', { help: '', suggest: modelNames(context) }),
        {
          kind: 'combo',
          name: 'alias',
          label: trans.__('Alias'),
          required: true,
          placeholder: 'champion',
          check: nameCheck(trans),
          suggest: suggestAliases
        },
        {
          kind: 'combo',
          name: 'version',
          label: trans.__('Version'),
          required: true,
          initial: version === undefined ? '' : String(version),
          suggest: suggestVersions,
          check: value => (/^[1-9]\d*$/.test(value) ? null : trans.__('A version is a number.')),
          when: values => !isGone(values)
        },
        {
          kind: 'check',
          name: 'remove',
          label: trans.__('Take the alias away instead'),
          advanced: true
        }
      ],
      send: async values => {
        const path = { name: textOf(values, 'model'), alias: textOf(values, 'alias') };
        if (isGone(values)) {
          await client.delete('/models/{name}/aliases/{alias}', { path });
          return trans.__('No version of %1 is @%2 any more.', path.name, path.alias);
        }
        const body = { version: Number(textOf(values, 'version')) };
        await client.post('/models/{name}/aliases/{alias}', { path, body });
        return trans.__('%1 version %2 is @%3 now.', path.name, body.version, path.alias);
      }
    },
    trans
  );
  if (done) {
    said(done.value);
  }
}

export async function deleteModel(
  context: Context,
  { model, version }: { model?: string; version?: number }
): Promise<void> {
  const { trans, client } = context;
  const remove = async (ref: string): Promise<string> => {
    const [name = '', number = ''] = ref.split(':');
    await (number
      ? client.delete('/models/{name}/versions/{version}', { path: { name, version: Number(number) } })
      : client.delete('/models/{name}', { path: { name } }));
    return ref;
  };
  const ref = model === undefined ? '' : version === undefined ? model : `${model}:${version}`;
  const done = await askForm(
    {
      title: ref ? trans.__('Delete %1', ref) : trans.__('Delete a Model'),
      intro:
        ref && version === undefined
          ? trans.__('All its versions are deleted. This cannot be undone.')
          : trans.__('This cannot be undone. The run that it came from stays.'),
      accept: trans.__('Delete'),
      warn: true,
      fields: ref
        ? []
        : [modelField(context, '', { help: trans.__('NAME:VERSION, or NAME for all its versions.') })],
      send: values => remove(ref || textOf(values, 'model'))
    },
    trans
  );
  if (done) {
    said(trans.__('Deleted %1.', done.value));
  }
}
