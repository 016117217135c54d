/** Verbs of manifests and of the images that are built from them. */

import { Notification } from '@jupyterlab/apputils';

import type { Activity } from '../api/types';
import { CommandIDs } from '../commands';
import { askForm } from '../forms/dialog';
import { flagOf, recordOf, textOf, wordsOf } from '../forms/model';
import type { Context } from './context';
import {
  folderFields,
  imageField,
  manifestField,
  modelField,
  nameCheck,
  pathField,
  tagsField,
  trimmed
} from './fields';
import { said } from './say';
import { anyFile, manifestRefs } from './suggest';

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
        manifestField(context, manifest),
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

export async function compareManifests(context: Context, { manifest }: { manifest?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: manifest ? trans.__('Compare the Manifest %1', manifest) : trans.__('Compare Manifests'),
      accept: trans.__('Compare'),
      fields: [
        ...(manifest ? [] : [manifestField(context)]),
        manifestField(context, '', {
          name: 'other',
          label: trans.__('Compare with'),
          suggest: async () => (await manifestRefs(context)()).filter(one => one.value !== manifest)
        })
      ],
      send: async values => {
        const [first, second] = [manifest ?? textOf(values, 'manifest'), textOf(values, 'other')];
        const { items } = await client.get('/manifests/{ref}/diff', {
          path: { ref: first },
          query: { b: second }
        });
        return { first, second, changes: items };
      }
    },
    trans
  );
  if (done) {
    const { showChanges } = await import('../packing/comparison');
    await showChanges(done.value, trans);
  }
}

export async function deleteManifest(context: Context, { manifest }: { manifest?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: manifest ? trans.__('Delete the Manifest %1', manifest) : trans.__('Delete a Manifest'),
      intro: trans.__('This cannot be undone. The model stays, and one that a service needs is not deleted.'),
      accept: trans.__('Delete'),
      warn: true,
      fields: manifest ? [] : [manifestField(context)],
      send: async values => {
        const ref = manifest ?? textOf(values, 'manifest');
        await client.delete('/manifests/{ref}', { path: { ref } });
        return ref;
      }
    },
    trans
  );
  if (done) {
    said(trans.__('Deleted the manifest %1.', done.value));
  }
}

interface OfImage {
  readonly image?: string;
}

/** Start it, score its sample, and compare: what came of it is told when it ended. */
export async function testImage(context: Context, { image }: OfImage): Promise<void> {
  const { trans, client } = context;
  const test = (ref: string): Promise<Activity> => client.post('/images/{ref}/test', { path: { ref } });
  const done = image
    ? { value: await test(image) }
    : await askForm(
        {
          title: trans.__('Test an Image'),
          intro: trans.__('Starts it, scores its sample, and compares with what the manifest recorded.'),
          accept: trans.__('Test'),
          fields: [imageField(context)],
          send: values => test(textOf(values, 'image'))
        },
        trans
      );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

export async function pushImage(context: Context, { image }: OfImage): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: image ? trans.__('Push the Image %1', image) : trans.__('Push an Image'),
      intro: trans.__('With what `docker login` left on the server’s machine.'),
      accept: trans.__('Push'),
      fields: [
        ...(image ? [] : [imageField(context)]),
        {
          kind: 'text',
          name: 'target',
          label: trans.__('Where to'),
          required: true,
          placeholder: 'registry.example.org/churn:1'
        }
      ],
      send: values =>
        client.post('/images/{ref}/push', {
          path: { ref: image ?? textOf(values, 'image') },
          body: { target: textOf(values, 'target') }
        })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

export async function exportImage(context: Context, { image }: OfImage): Promise<void> {
  const { trans, client } = context;
  const [name, inside] = folderFields(context, `${(image ?? 'image').replace(':', '-')}.tar`, {
    label: trans.__('New file'),
    check: value =>
      nameCheck(trans)(value) ?? (value.endsWith('.tar') ? null : trans.__('Its name must end in .tar.'))
  });
  const done = await askForm(
    {
      title: image ? trans.__('Export the Image %1', image) : trans.__('Export an Image'),
      intro: trans.__('Into a file that `docker load` reads, on a machine without a registry, too.'),
      accept: trans.__('Export'),
      fields: [...(image ? [] : [imageField(context)]), name, inside],
      send: values =>
        client.post('/images/{ref}/export', {
          path: { ref: image ?? textOf(values, 'image') },
          body: { name: textOf(values, 'name'), inside: trimmed(textOf(values, 'inside')) }
        })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

export async function deleteImage(context: Context, { image }: OfImage): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: image ? trans.__('Delete the Image %1', image) : trans.__('Delete an Image'),
      intro: trans.__('It can be built again from its manifest.'),
      accept: trans.__('Delete'),
      warn: true,
      fields: image ? [] : [imageField(context)],
      send: async values => {
        const ref = image ?? textOf(values, 'image');
        await client.delete('/images/{ref}', { path: { ref } });
        return ref;
      }
    },
    trans
  );
  if (done) {
    said(trans.__('Deleted the image %1.', done.value));
  }
}
