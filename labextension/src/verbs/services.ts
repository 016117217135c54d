/** Verbs of services. */

import { askForm } from '../forms/dialog';
import { flagOf, textOf } from '../forms/model';
import type { Field, Values } from '../forms/model';
import type { Context } from './context';
import {
  deploymentField,
  given,
  hasSeveral,
  otherManifestField,
  modelField,
  nameCheck,
  serviceField
} from './fields';
import { said } from './say';
import { hostNames, serviceNames, serviceOf } from './suggest';

/** What a service of a model may be called: as the model, less what a name of ours may not hold. */
export function serviceFor(model: string): string {
  const [name = ''] = model.split(/[:@]/);
  return name
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+|-$/g, '')
    .slice(0, 100);
}

interface Named {
  readonly service?: string;
}

const MEMORY = /^(0|[1-9][0-9.]*\s*([kmgt]i?b?|b)?)$/i;

/** What each replica may use at most. */
function resourceFields(context: Context): readonly Field[] {
  const { trans } = context;
  return [
    {
      kind: 'number',
      name: 'cpus',
      label: trans.__('Processors'),
      help: trans.__('The most that each replica may use, such as 0.5; no limit where it is left out.'),
      least: 0,
      advanced: true
    },
    {
      kind: 'text',
      name: 'memory',
      label: trans.__('Memory'),
      help: trans.__('The most that each replica may use, such as 512m or 2g.'),
      check: value => (MEMORY.test(value) ? null : trans.__('Write a size such as 512m or 2g.')),
      advanced: true
    },
    { kind: 'number', name: 'gpus', label: trans.__('GPUs'), least: 0, whole: true, advanced: true }
  ];
}

function replicasField(context: Context, help: string): Field {
  const label = context.trans.__('Replicas');
  return { kind: 'number', name: 'replicas', label, help, least: 1, most: 64, whole: true, placeholder: '1' };
}

export async function deploy(
  context: Context,
  { model, version }: { model?: string; version?: number }
): Promise<void> {
  const { trans, client } = context;
  const initial = model === undefined ? '' : version === undefined ? model : `${model}:${version}`;
  const done = await askForm(
    {
      title: trans.__('Deploy a Model'),
      intro: trans.__('As a service with a URL and two keys. A service of that name that exists is updated.'),
      accept: trans.__('Deploy'),
      fields: deployFields(context, initial),
      follow: (changed, values) =>
        changed === 'model' ? { name: serviceFor(textOf(values, 'model')) } : null,
      send: async values => {
        const certificate = textOf(values, 'certificate');
        const known = await serviceOf(context, textOf(values, 'name'));
        const isKept = flagOf(values, 'telemetry');
        return client.post('/services', {
          body: {
            name: textOf(values, 'name'),
            tls: isTls(values),
            ...given(
              values,
              ['model', 'manifest', 'host', 'bind', 'memory'],
              ['port', 'replicas', 'cpus', 'gpus']
            ),
            ...(isKept !== (known?.telemetry.enabled ?? true) && {
              settings: { telemetry: { enabled: isKept } }
            }),
            ...(certificate && { certificate: { certificate, key: textOf(values, 'key') } })
          }
        });
      }
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

function deployFields(context: Context, model: string): readonly Field[] {
  const { trans } = context;
  return [
    modelField(context, model),
    {
      kind: 'combo',
      name: 'name',
      label: trans.__('Service'),
      required: true,
      check: nameCheck(trans),
      suggest: serviceNames(context)
    },
    {
      kind: 'combo',
      name: 'host',
      label: trans.__('Host'),
      help: trans.__('Where replicas run: processes or containers of this machine, or another one’s.'),
      placeholder: 'process',
      suggest: hostNames(context)
    },
    replicasField(context, trans.__('How many copies answer.')),
    ...resourceFields(context),
    {
      kind: 'check',
      name: 'telemetry',
      label: trans.__('Keep requests and answers, for drift and complaints'),
      initial: true,
      advanced: true
    },
    { kind: 'text', name: 'bind', label: trans.__('Address'), placeholder: '127.0.0.1', advanced: true },
    {
      kind: 'number',
      name: 'port',
      label: trans.__('Port'),
      help: trans.__('A free one where it is left out; kept for life.'),
      least: 1,
      most: 65535,
      whole: true,
      advanced: true
    },
    { kind: 'check', name: 'tls', label: trans.__('Speak HTTPS'), advanced: true },
    {
      kind: 'text',
      name: 'certificate',
      label: trans.__('Certificate'),
      help: trans.__('PEM; a self-made one where it is left out.'),
      lines: 3,
      advanced: true,
      when: isTls
    },
    {
      kind: 'text',
      name: 'key',
      label: trans.__('Its key'),
      help: trans.__('PEM, without a password.'),
      lines: 3,
      required: true,
      advanced: true,
      when: values => isTls(values) && textOf(values, 'certificate') !== ''
    },
    otherManifestField(context)
  ];
}

function isTls(values: Values): boolean {
  return flagOf(values, 'tls');
}

export async function updateService(context: Context, { service }: Named): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: service ? trans.__('Update %1', service) : trans.__('Update a Service'),
      intro: trans.__(
        'New replicas start beside the old ones, and no request is lost. If they do not get ready, nothing changes.'
      ),
      accept: trans.__('Update'),
      fields: [
        ...serviceField(context, service),
        modelField(context, ''),
        deploymentField(context, service, { advanced: !(await hasSeveral(context, service)) }),
        replicasField(context, trans.__('As many as now where it is left out.')),
        otherManifestField(context)
      ],
      send: values =>
        client.post('/services/{name}/update', {
          path: { name: service ?? textOf(values, 'service') },
          body: { ...given(values, ['model', 'manifest', 'deployment'], ['replicas']) }
        })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

export async function addDeployment(context: Context, { service }: Named): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: service ? trans.__('Add a Deployment to %1', service) : trans.__('Add a Deployment'),
      intro: trans.__('Another model beside those that the service has, with its own share of the requests.'),
      accept: trans.__('Add'),
      fields: [
        ...serviceField(context, service),
        {
          kind: 'text',
          name: 'deployment',
          label: trans.__('Deployment'),
          help: trans.__('What it is called from now on.'),
          placeholder: 'green',
          required: true,
          check: nameCheck(trans)
        },
        modelField(context, ''),
        {
          kind: 'number',
          name: 'traffic',
          label: trans.__('Traffic'),
          help: trans.__('Its share of the requests; the others share the rest as they did.'),
          initial: 0,
          least: 0,
          most: 100,
          whole: true,
          unit: '%'
        },
        replicasField(context, trans.__('How many copies answer.')),
        ...resourceFields(context),
        otherManifestField(context)
      ],
      send: values =>
        client.post('/services', {
          body: {
            name: service ?? textOf(values, 'service'),
            ...given(
              values,
              ['model', 'manifest', 'deployment', 'memory'],
              ['traffic', 'replicas', 'cpus', 'gpus']
            )
          }
        })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

export async function rollbackService(context: Context, { service }: Named): Promise<void> {
  const { trans, client } = context;
  const known = service === undefined ? undefined : await serviceOf(context, service);
  const last = known?.history[0];
  const before = last?.deployments.map(one => `${one.name} ${one.manifest} ${one.weight}%`).join(', ');
  const done = await askForm(
    {
      title: service ? trans.__('Roll %1 Back', service) : trans.__('Roll a Service Back'),
      intro:
        last && before
          ? trans.__(
              'Before the last change (%1) it served: %2. It serves that again, and no request is lost.',
              last.what,
              before
            )
          : trans.__('It serves again what it did before its last change, and no request is lost.'),
      accept: trans.__('Roll Back'),
      warn: true,
      fields: serviceField(context, service),
      send: values =>
        client.post('/services/{name}/rollback', { path: { name: service ?? textOf(values, 'service') } })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}

export async function regenerateKey(
  context: Context,
  { service, which }: Named & { readonly which?: 'primary' | 'secondary' }
): Promise<void> {
  const { trans, client } = context;
  const label = { primary: trans.__('Primary'), secondary: trans.__('Secondary') };
  const done = await askForm(
    {
      title:
        service && which
          ? trans.__('Make a new %1 key for %2', label[which].toLowerCase(), service)
          : trans.__('Regenerate a Key'),
      intro: trans.__('Clients that use the old one are refused within two seconds. The other key goes on.'),
      accept: trans.__('Regenerate'),
      warn: true,
      fields: [
        ...serviceField(context, service),
        ...(which
          ? []
          : [
              {
                kind: 'choice' as const,
                name: 'which',
                label: trans.__('Key'),
                options: [
                  { value: 'primary', label: label.primary },
                  { value: 'secondary', label: label.secondary }
                ]
              }
            ])
      ],
      send: async values => {
        const name = service ?? textOf(values, 'service');
        const path = { name, which: which ?? (textOf(values, 'which') as 'primary' | 'secondary') };
        await client.post('/services/{name}/keys/{which}/regenerate', { path });
        await context.session.queries.invalidateQueries({ queryKey: ['service', name] });
        return name;
      }
    },
    trans
  );
  if (done) {
    said(trans.__('The service %1 has a new key.', done.value));
  }
}

export async function deleteService(context: Context, { service }: Named): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: service ? trans.__('Delete the Service %1', service) : trans.__('Delete a Service'),
      intro: trans.__('Its URL and keys are gone for good, and its replicas stop. The model stays.'),
      accept: trans.__('Delete'),
      warn: true,
      fields: serviceField(context, service),
      send: values =>
        client.delete('/services/{name}', { path: { name: service ?? textOf(values, 'service') } })
    },
    trans
  );
  if (done) {
    context.watcher.adopt(done.value);
  }
}
