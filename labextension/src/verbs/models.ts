/** Verbs of models, manifests and images. */

import { Notification } from '@jupyterlab/apputils';

import { CommandIDs } from '../commands';
import { askForm } from '../forms/dialog';
import { flagOf, recordOf, textOf, wordsOf } from '../forms/model';
import type { Values } from '../forms/model';
import type { Context } from './context';
import { modelField, nameCheck, pathField, runField, tagsField, trimmed } from './fields';
import { opening, said } from './say';
import { allModels, anyFile, manifestRefs, modelNames } from './suggest';

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

export async function createManifest(
  context: Context,
  { models }: { models?: readonly string[] }
): Promise<void> {
  const { trans, client } = context;
  const file = (name: string, label: string, help: string): ReturnType<typeof pathField> =>
    pathField(context, anyFile, { name, label, help, advanced: true });
  const done = await askForm(
    {
      title: trans.__('Create a Manifest'),
      intro: trans.__(
        'All that is needed to serve models: their files, packages and schema, fixed for good.'
      ),
      accept: trans.__('Create'),
      fields: [
        modelField(context, models?.join(', ') ?? '', {
          label: trans.__('Models'),
          separator: ',',
          help: trans.__('NAME:VERSION; several with commas between them, for a scoring script.')
        }),
        {
          kind: 'text',
          name: 'name',
          label: trans.__('Name'),
          help: trans.__('That of the first model where it is left out.'),
          check: nameCheck(trans)
        },
        file('script', trans.__('Scoring script'), trans.__('A .py file with init() and run(data).')),
        file(
          'conda',
          trans.__('Packages'),
          trans.__('A conda or requirements file, in place of the model’s own.')
        ),
        file('schema', trans.__('Schema'), trans.__('As ml.generate_schema writes it.')),
        file('sample', trans.__('Sample'), trans.__('A JSON file with rows that score.')),
        { kind: 'text', name: 'python', label: trans.__('Python'), placeholder: '3.11', advanced: true },
        { kind: 'text', name: 'base_image', label: trans.__('Base image'), advanced: true },
        {
          kind: 'check',
          name: 'trust',
          label: trans.__('Trust types that run code of their own when they are loaded'),
          advanced: true
        },
        tagsField(trans, { advanced: true })
      ],
      send: values => {
        const given = ['name', 'script', 'conda', 'schema', 'sample', 'python', 'base_image']
          .map(name => [name, textOf(values, name)] as const)
          .filter(([, text]) => text !== '');
        return client.post('/manifests', {
          body: {
            models: [...wordsOf(values, 'model')],
            tags: recordOf(values, 'tags'),
            trust: flagOf(values, 'trust'),
            ...Object.fromEntries(given)
          }
        });
      }
    },
    trans
  );
  if (done) {
    const manifest = `${done.value.name}:${done.value.version}`;
    Notification.success(trans.__('Created the manifest %1.', manifest), {
      autoClose: 8000,
      actions: [
        {
          label: trans.__('Build Image…'),
          callback: () => void context.session.run(CommandIDs.buildImage, { manifest })
        }
      ]
    });
  }
}

export async function buildImage(context: Context, { manifest }: { manifest?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Build an Image'),
      accept: trans.__('Build'),
      fields: [
        {
          kind: 'combo',
          name: 'manifest',
          label: trans.__('Manifest'),
          help: trans.__('NAME for its newest version, or NAME:VERSION.'),
          required: true,
          initial: manifest ?? '',
          suggest: manifestRefs(context)
        },
        {
          kind: 'choice',
          name: 'platform',
          label: trans.__('Platform'),
          options: [
            { value: '', label: trans.__('That of this machine') },
            { value: 'linux/amd64' },
            { value: 'linux/arm64' }
          ]
        }
      ],
      send: values =>
        client.post('/images', {
          body: { manifest: textOf(values, 'manifest'), platform: textOf(values, 'platform') }
        })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}
