/** Fields that several forms have. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { ComboField, PairsField, TextField, Values } from '../forms/model';
import { numberOf, textOf } from '../forms/model';
import type { Context } from './context';
import {
  deploymentNames,
  experimentNames,
  imageNames,
  manifestRefs,
  modelRefs,
  paths,
  runRefs,
  serviceNames,
  serviceOf
} from './suggest';

/** What the server lets be a name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

export function nameCheck(trans: TranslationBundle): (value: string) => string | null {
  return value =>
    NAME.test(value)
      ? null
      : trans.__('A name begins with a letter or digit and goes on with letters, digits, “.”, “_” and “-”.');
}

export function runField(
  context: Context,
  run: string | undefined,
  more: Partial<ComboField> = {}
): ComboField {
  const { trans } = context;
  return {
    kind: 'combo',
    name: 'run',
    label: trans.__('Run'),
    help: trans.__('Its name, its id or the beginning of its id.'),
    required: true,
    initial: run ?? '',
    suggest: runRefs(context),
    ...more
  };
}

export function modelField(context: Context, model: string, more: Partial<ComboField> = {}): ComboField {
  const { trans } = context;
  return {
    kind: 'combo',
    name: 'model',
    label: trans.__('Model'),
    help: trans.__('NAME for its newest version, NAME:VERSION or NAME@ALIAS.'),
    required: true,
    initial: model,
    suggest: modelRefs(context),
    ...more
  };
}

/** Which service, unless that was said: then there is nothing to ask. */
export function serviceField(context: Context, service: string | undefined): readonly ComboField[] {
  return service === undefined
    ? [
        {
          kind: 'combo',
          name: 'service',
          label: context.trans.__('Service'),
          required: true,
          suggest: serviceNames(context)
        }
      ]
    : [];
}

/** Which deployment, where a service may have several. */
export function deploymentField(
  context: Context,
  service: string | undefined,
  more: Partial<ComboField> = {}
): ComboField {
  return {
    kind: 'combo',
    name: 'deployment',
    label: context.trans.__('Deployment'),
    help: context.trans.__('May be left out where the service has one.'),
    suggest: deploymentNames(context, values => service ?? textOf(values as never, 'service')),
    ...more
  };
}

/** The manifest that something is done to. */
export function manifestField(context: Context, manifest = '', more: Partial<ComboField> = {}): ComboField {
  const { trans } = context;
  return {
    kind: 'combo',
    name: 'manifest',
    label: trans.__('Manifest'),
    help: trans.__('NAME for its newest version, or NAME:VERSION.'),
    required: true,
    initial: manifest,
    suggest: manifestRefs(context),
    ...more
  };
}

/** A manifest that is there, to be served instead of one that is made of the model. */
export function otherManifestField(context: Context): ComboField {
  const help = context.trans.__('NAME or NAME:VERSION, in place of the one that is made of the model.');
  return manifestField(context, '', { help, required: false, advanced: true });
}

export function imageField(context: Context): ComboField {
  return {
    kind: 'combo',
    name: 'image',
    label: context.trans.__('Image'),
    help: context.trans.__('That of a manifest, as NAME:VERSION.'),
    required: true,
    suggest: imageNames(context)
  };
}

export function experimentField(context: Context, more: Partial<ComboField> = {}): ComboField {
  return {
    kind: 'combo',
    name: 'experiment',
    label: context.trans.__('Experiment'),
    suggest: experimentNames(context),
    ...more
  };
}

export function pathField(
  context: Context,
  passes: Parameters<typeof paths>[1],
  more: Pick<ComboField, 'name' | 'label'> & Partial<ComboField>
): ComboField {
  return { kind: 'combo', separator: '/', suggest: paths(context, passes), ...more };
}

export function tagsField(trans: TranslationBundle, more: Partial<PairsField> = {}): PairsField {
  return {
    kind: 'pairs',
    name: 'tags',
    label: trans.__('Tags'),
    keyLabel: trans.__('Tag'),
    valueLabel: trans.__('Value'),
    addLabel: trans.__('Add a tag'),
    ...more
  };
}

/** Two fields that say into which new folder something goes, or with `more` into which new file. */
export function folderFields(
  context: Context,
  name: string,
  more: Partial<TextField> = {}
): readonly [TextField, ComboField] {
  const { trans } = context;
  return [
    {
      kind: 'text',
      name: 'name',
      label: trans.__('New folder'),
      required: true,
      initial: name,
      check: nameCheck(trans),
      ...more
    },
    pathField(context, () => false, {
      name: 'inside',
      label: trans.__('Inside'),
      help: trans.__('A folder of the file browser; its top where this is empty.'),
      initial: context.parts.browser?.model.path ?? ''
    })
  ];
}

/** The fields that were filled in, by the names that the routes give them. */
export function given(
  values: Values,
  texts: readonly string[],
  numbers: readonly string[]
): Record<string, string | number> {
  const found: readonly (readonly [string, string | number | undefined])[] = [
    ...texts.map(name => [name, textOf(values, name) || undefined] as const),
    ...numbers.map(name => [name, numberOf(values, name)] as const)
  ];
  return Object.fromEntries(
    found.filter((entry): entry is readonly [string, string | number] => entry[1] !== undefined)
  );
}

/** Whether a service has more than one deployment. */
export async function hasSeveral(context: Context, service: string | undefined): Promise<boolean> {
  return service !== undefined && ((await serviceOf(context, service))?.deployments.length ?? 0) > 1;
}

/** A folder's path without the slash that completion leaves at its end. */
export function trimmed(path: string): string {
  return path.replace(/\/+$/, '');
}
