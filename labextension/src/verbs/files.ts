/** Running scripts and notebooks of the file browser. */

import type { components } from '../api/schema';
import type { Run } from '../api/types';
import { askForm } from '../forms/dialog';
import { flagOf, pairsOf, recordOf, textOf, wordsOf } from '../forms/model';
import type { Pair, Values } from '../forms/model';
import type { Context } from './context';
import { experimentField, pathField, tagsField, trimmed } from './fields';
import { opened } from './say';
import { noFile, runnable } from './suggest';

type Submission = components['schemas']['SubmitRun'];

/** The parameters that a file declares, as a form has them; none where it is not known yet. */
async function declared(context: Context, file: string): Promise<readonly Pair[]> {
  const { items } = await context.client.get('/parameters', { query: { file } });
  return items.map(({ name, value }) => [name, value] as const);
}

export async function runFile(context: Context, { path }: { path?: string }): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Run as Experiment'),
      intro: trans.__('In a process of its own, from a snapshot of its folder.'),
      accept: trans.__('Run'),
      fields: [
        pathField(context, runnable, {
          name: 'file',
          label: trans.__('Script or notebook'),
          required: true,
          initial: path ?? '',
          check: value => (runnable({ name: value }) ? null : trans.__('Name a .py or .ipynb file.'))
        }),
        {
          kind: 'pairs',
          name: 'params',
          label: trans.__('Parameters'),
          help: trans.__(
            'A notebook’s replace those of its cell tagged “parameters”; a script gets them as --NAME VALUE. Those without a value keep their default.'
          ),
          keyLabel: trans.__('Parameter'),
          valueLabel: trans.__('Value'),
          addLabel: trans.__('Add a parameter')
        },
        experimentField(context, { help: trans.__('The one in use where this is empty.') }),
        {
          kind: 'text',
          name: 'name',
          label: trans.__('Name of the run'),
          help: trans.__('One is made up where this is empty.')
        },
        pathField(context, noFile, {
          name: 'source',
          label: trans.__('Folder that travels'),
          help: trans.__('The file’s own where this is empty.'),
          advanced: true
        }),
        {
          kind: 'text',
          name: 'include',
          label: trans.__('Store these, too'),
          help: trans.__(
            'Large files and secrets that would be left out: paths or patterns, with commas between them.'
          ),
          advanced: true
        },
        tagsField(trans, { advanced: true }),
        {
          kind: 'check',
          name: 'snapshot',
          label: trans.__('Run from a snapshot'),
          help: trans.__('Otherwise where the file is.'),
          initial: true,
          advanced: true
        },
        { kind: 'check', name: 'autolog', label: trans.__('Switch MLflow’s autologging on'), advanced: true }
      ],
      follow: async (changed, values): Promise<Values> => {
        const file = textOf(values, 'file');
        return changed === 'file' && runnable({ name: file })
          ? { params: await declared(context, file) }
          : {};
      },
      send: values => client.post('/runs', { body: submission(values) })
    },
    trans
  );
  if (done) {
    await shown(context, done.value);
  }
}

function submission(values: Values): Submission {
  const [experiment, name, source] = [
    textOf(values, 'experiment'),
    textOf(values, 'name'),
    trimmed(textOf(values, 'source'))
  ];
  return {
    file: textOf(values, 'file'),
    params: Object.fromEntries(pairsOf(values, 'params').filter(([, value]) => value !== '')),
    tags: recordOf(values, 'tags'),
    snapshot: flagOf(values, 'snapshot'),
    autolog: flagOf(values, 'autolog'),
    include: [...wordsOf(values, 'include')],
    ...(experiment && { experiment }),
    ...(name && { name }),
    ...(source && { source })
  };
}

/** The notebook in front, saved first; what it declares as parameters is asked for. */
export async function runNotebook(context: Context): Promise<void> {
  const panel = context.parts.notebooks?.currentWidget;
  if (!panel) {
    return;
  }
  if (panel.context.model.dirty && !panel.context.model.readOnly) {
    await panel.context.save();
  }
  const { contents } = context.session.lab.manager;
  const file = contents.localPath(panel.context.path);
  if ((await declared(context, file)).length) {
    await runFile(context, { path: file });
  } else {
    await shown(context, await context.client.post('/runs', { body: { file } }));
  }
}

async function shown(context: Context, run: Run): Promise<void> {
  context.watcher.adoptRun(run);
  await opened(context, 'run', run.id);
}
