/** Verbs of runs and experiments. */

import { Clipboard, Notification } from '@jupyterlab/apputils';

import type { OpenArgs } from '../commands';
import { askForm } from '../forms/dialog';
import { numberOf, pairsOf, recordOf, textOf, wordsOf } from '../forms/model';
import type { Context } from './context';
import { experimentField, runField, tagsField } from './fields';
import { opened, said } from './say';
import { archivedNames, runningActivities, runRefs } from './suggest';

/** Only the beginning of a name that may be very long. */
const SHOWN = 60;

export async function cancelRun(context: Context, { run }: { run?: string }): Promise<void> {
  const { trans, client } = context;
  const cancel = async (ref: string): Promise<string> =>
    (await client.post('/runs/{ref}/cancel', { path: { ref } })).name;
  const done = await askForm(
    {
      title: trans.__('Cancel a Run'),
      intro: run ? trans.__('What it logged so far is kept.') : '',
      accept: trans.__('Cancel Run'),
      warn: true,
      fields: run
        ? []
        : [runField(context, undefined, { suggest: runRefs(context, one => one.status === 'RUNNING') })],
      send: values => cancel(run ?? textOf(values, 'run'))
    },
    trans
  );
  if (done) {
    said(trans.__('Run %1 is told to end.', done.value.slice(0, SHOWN)));
  }
}

export async function reproduceRun(context: Context, { run }: { run?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Reproduce a Run'),
      intro: trans.__('Executes it again from its snapshot, as a new run that is compared with it.'),
      accept: trans.__('Reproduce'),
      fields: [
        runField(context, run),
        {
          kind: 'choice',
          name: 'environment',
          label: trans.__('Packages'),
          options: [
            { value: 'recorded', label: trans.__('Those that it recorded') },
            { value: 'current', label: trans.__('Those that are here') }
          ]
        },
        {
          kind: 'number',
          name: 'rtol',
          label: trans.__('Tolerance'),
          help: trans.__('The relative difference within which metrics count as the same.'),
          least: 0,
          most: 0.999,
          placeholder: '1e-6',
          advanced: true
        }
      ],
      send: async values => {
        const rtol = numberOf(values, 'rtol');
        const environment = textOf(values, 'environment') as 'recorded' | 'current';
        return client.post('/runs/{ref}/reproduce', {
          path: { ref: textOf(values, 'run') },
          body: { environment, ...(rtol !== undefined && { rtol }) }
        });
      }
    },
    trans
  );
  if (done) {
    context.watcher.adoptRun(done.value);
    await opened(context, 'run', done.value.id);
  }
}

/** Tags of one run are shown and changed; to those of several some are added, and some taken away. */
export async function tagRuns(context: Context, { runs }: { runs?: readonly string[] }): Promise<void> {
  const { trans, client } = context;
  const one = runs?.length === 1 ? (await client.run(runs[0] ?? '')).run : null;
  const had = Object.entries(one?.tags ?? {}).filter(([key]) => !/^(mlops|mlflow)\./.test(key));
  const done = await askForm(
    {
      title: one ? trans.__('Tags of %1', one.name.slice(0, SHOWN)) : trans.__('Tag Runs'),
      intro: runs && !one ? trans._n('%1 run is tagged.', '%1 runs are tagged.', runs.length) : '',
      accept: trans.__('Save Tags'),
      fields: [
        ...(runs
          ? []
          : [
              runField(context, undefined, {
                separator: ',',
                label: trans.__('Runs'),
                help: trans.__('With commas between them.')
              })
            ]),
        tagsField(trans, { initial: one ? had : [['', '']] }),
        ...(one
          ? []
          : [
              {
                kind: 'text' as const,
                name: 'gone',
                label: trans.__('Tags to take away'),
                help: trans.__('Their names, with commas between them.')
              }
            ])
      ],
      send: async values => {
        const now = recordOf(values, 'tags');
        const dropped = one ? had.map(([key]) => key).filter(key => !(key in now)) : wordsOf(values, 'gone');
        const changed = pairsOf(values, 'tags').filter(([key, value]) => one?.tags[key] !== value);
        const tags = {
          ...Object.fromEntries(dropped.map(key => [key, null])),
          ...Object.fromEntries(changed)
        };
        if (one && !Object.keys(tags).length) {
          return 0;
        }
        const refs = [...(runs ?? wordsOf(values, 'run'))];
        return (await client.patch('/runs', { body: { runs: refs, tags } })).items.length;
      }
    },
    trans
  );
  if (done?.value) {
    said(trans._n('%1 run is tagged.', '%1 runs are tagged.', done.value));
  }
}

/** Into the trash, with a way back in the notification. */
export async function deleteRuns(context: Context, { runs }: { runs?: readonly string[] }): Promise<void> {
  const { trans, client } = context;
  const remove = async (refs: readonly string[]): Promise<readonly string[]> =>
    (await client.patch('/runs', { body: { runs: [...refs], deleted: true } })).items.map(run => run.id);
  const isAsked = !runs || context.parts.settings.look().confirmDeletes;
  const done = isAsked
    ? await askForm(
        {
          title: trans.__('Delete Runs'),
          intro: trans.__('They go to the trash with all they hold, and can be brought back from it.'),
          accept: runs ? trans._n('Delete %1 Run', 'Delete %1 Runs', runs.length) : trans.__('Delete'),
          warn: true,
          fields: runs
            ? []
            : [
                runField(context, undefined, {
                  separator: ',',
                  label: trans.__('Runs'),
                  help: trans.__('With commas between them.')
                })
              ],
          send: values => remove(runs ?? wordsOf(values, 'run'))
        },
        trans
      )
    : { value: await remove(runs) };
  if (done) {
    const gone = [...done.value];
    Notification.success(trans._n('%1 run is in the trash.', '%1 runs are in the trash.', gone.length), {
      autoClose: 8000,
      actions: [
        {
          label: trans.__('Undo'),
          callback: () => void client.patch('/runs', { body: { runs: gone, deleted: false } })
        }
      ]
    });
  }
}

export async function compare(context: Context, { runs }: { runs?: readonly string[] }): Promise<void> {
  const { trans, client } = context;
  const asked = runs
    ? { value: runs }
    : await askForm(
        {
          title: trans.__('Compare Runs'),
          accept: trans.__('Compare'),
          fields: [
            runField(context, undefined, {
              separator: ',',
              label: trans.__('Runs'),
              help: trans.__('Two or more, with commas between them.'),
              check: value =>
                value.split(',').filter(word => word.trim()).length > 1
                  ? null
                  : trans.__('Name two or more runs.')
            })
          ],
          send: values => Promise.all(wordsOf(values, 'run').map(async ref => (await client.run(ref)).run.id))
        },
        trans
      );
  if (asked) {
    await opened(context, 'compare', asked.value.join(','));
  }
}

/** Python that loads a run or a model version, or that calls a service; where none is named, of a run that is asked for. */
export async function copyPython(context: Context, { kind, subject }: Partial<OpenArgs>): Promise<void> {
  const { trans, client } = context;
  const done =
    kind !== undefined && subject !== undefined
      ? { value: await pythonOf(client, kind, subject) }
      : await askForm(
          {
            title: trans.__('Copy Python That Loads a Run'),
            accept: trans.__('Copy'),
            fields: [runField(context, undefined)],
            send: values => pythonOf(client, 'run', textOf(values, 'run'))
          },
          trans
        );
  if (done?.value) {
    Clipboard.copyToSystem(done.value);
    said(trans.__('Python is copied: paste it into a cell.'));
  }
}

async function pythonOf(
  client: Context['client'],
  kind: OpenArgs['kind'],
  subject: string
): Promise<string | null> {
  switch (kind) {
    case 'run':
      return (await client.get('/runs/{ref}/python', { path: { ref: subject } })).source;
    case 'model':
      return (await client.get('/models/{ref}/python', { path: { ref: subject } })).source;
    case 'service': {
      const path = { name: subject, language: 'python' as const };
      return (await client.get('/services/{name}/clients/{language}', { path })).source;
    }
    case 'compare':
    case 'experiment':
      return null; // nothing to load
  }
}

export function copyId(context: Context, { id }: { id: string }): void {
  Clipboard.copyToSystem(id);
  said(context.trans.__('Copied %1', id.slice(0, SHOWN)));
}

export async function useExperiment(
  context: Context,
  { experiment }: { experiment?: string }
): Promise<void> {
  const { trans, client } = context;
  const begin = async (name: string): Promise<string> =>
    (await client.post('/experiments/{name}/use', { path: { name } })).name;
  const done = experiment
    ? { value: await begin(experiment) }
    : await askForm(
        {
          title: trans.__('Use an Experiment'),
          intro: trans.__('Runs that name none go there from now on. One that is not there is made.'),
          accept: trans.__('Use'),
          fields: [experimentField(context, { required: true })],
          send: values => begin(textOf(values, 'experiment'))
        },
        trans
      );
  if (done) {
    said(trans.__('Runs go to the experiment %1 now.', done.value.slice(0, SHOWN)));
  }
}

export async function archiveExperiment(
  context: Context,
  { experiment }: { experiment?: string }
): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Archive an Experiment'),
      intro: trans.__('No list shows it and its runs any more. Nothing is lost, and it can be brought back.'),
      accept: trans.__('Archive'),
      fields: [experimentField(context, { required: true, initial: experiment ?? '' })],
      send: async values => {
        const path = { name: textOf(values, 'experiment') };
        return (await client.post('/experiments/{name}/archive', { path })).name;
      }
    },
    trans
  );
  if (done) {
    const path = { name: done.value };
    Notification.success(trans.__('The experiment %1 is archived.', done.value.slice(0, SHOWN)), {
      autoClose: 8000,
      actions: [
        {
          label: trans.__('Undo'),
          callback: () => void client.post('/experiments/{name}/restore', { path })
        }
      ]
    });
  }
}

export async function restoreExperiment(context: Context): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Bring an Experiment Back'),
      intro: trans.__('One that was archived, with its runs.'),
      accept: trans.__('Bring Back'),
      fields: [experimentField(context, { required: true, suggest: archivedNames(context) })],
      send: async values => {
        const path = { name: textOf(values, 'experiment') };
        return (await client.post('/experiments/{name}/restore', { path })).name;
      }
    },
    trans
  );
  if (done) {
    said(trans.__('The experiment %1 is back.', done.value.slice(0, SHOWN)));
  }
}

/** Asked in a form only where an activity is to be chosen. */
export async function cancelActivity(context: Context, { activity }: { activity?: string }): Promise<void> {
  const { trans, client } = context;
  const cancel = (id: string): Promise<unknown> => client.post('/activities/{id}/cancel', { path: { id } });
  if (activity) {
    await cancel(activity);
    return;
  }
  await askForm(
    {
      title: trans.__('Cancel an Activity'),
      accept: trans.__('Cancel Activity'),
      warn: true,
      fields: [
        {
          kind: 'combo',
          name: 'activity',
          label: trans.__('Activity'),
          required: true,
          suggest: runningActivities(context)
        }
      ],
      send: values => cancel(textOf(values, 'activity'))
    },
    trans
  );
}
