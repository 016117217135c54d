/** How many replicas a service has. */

import type { Service } from '../api/types';
import { askForm } from '../forms/dialog';
import { numberOf, textOf } from '../forms/model';
import type { Field, Values } from '../forms/model';
import type { Context } from './context';
import { deploymentField, given, hasSeveral, serviceField } from './fields';
import { said } from './say';
import { serviceOf } from './suggest';

export async function scaleService(context: Context, { service }: { service?: string }): Promise<void> {
  const { trans, client } = context;
  const first = service === undefined ? undefined : (await serviceOf(context, service))?.deployments[0];
  const done = await askForm(
    {
      title: service ? trans.__('Scale %1', service) : trans.__('Scale a Service'),
      accept: trans.__('Scale'),
      fields: [
        ...serviceField(context, service),
        deploymentField(context, service, { advanced: !(await hasSeveral(context, service)) }),
        ...loadFields(context, loadOf(first))
      ],
      follow: (changed, values) =>
        changed === 'service' || changed === 'deployment' ? followed(context, service, values) : null,
      send: values =>
        client.post('/services/{name}/scale', {
          path: { name: service ?? textOf(values, 'service') },
          body: {
            ...given(
              values,
              ['deployment'],
              ['replicas', 'min_replicas', 'max_replicas', 'target_utilization', 'concurrency', 'cool_down_s']
            )
          }
        })
    },
    trans
  );
  if (done) {
    said(trans.__('The service %1 is scaled.', done.value.name));
  }
}

/** How the deployment that was named is scaled now. */
async function followed(context: Context, service: string | undefined, values: Values): Promise<Values> {
  const known = await serviceOf(context, service ?? textOf(values, 'service'));
  const name = textOf(values, 'deployment');
  const part = known?.deployments.find((one, at) => (name ? one.name === name : at === 0));
  const load = part ? Object.entries(loadOf(part)) : [];
  return Object.fromEntries(load.map(([field, value]) => [field, String(value)]));
}

interface Load {
  readonly way: 'fixed' | 'load';
  readonly replicas: number;
  readonly min_replicas: number;
  readonly max_replicas: number;
  readonly target_utilization: number;
  readonly concurrency: number;
  readonly cool_down_s: number;
}

/** What a deployment is scaled by now; what it would begin with where it is not. */
export function loadOf(part: Service['deployments'][number] | undefined): Load {
  const bounds = {
    min_replicas: 1,
    max_replicas: 4,
    target_utilization: 0.7,
    concurrency: 10,
    cool_down_s: 60
  };
  return {
    ...bounds,
    ...part?.scale,
    way: part?.scale ? 'load' : 'fixed',
    replicas: Math.max(1, part?.replicas ?? 1)
  };
}

/** A fixed number, or bounds between which it follows the load. */
function loadFields({ trans }: Context, now: Load): readonly Field[] {
  const follows = (values: Values): boolean => textOf(values, 'way') === 'load';
  const load = (name: string, label: string, more: object): Field => ({
    kind: 'number',
    name,
    label,
    when: follows,
    ...more
  });
  return [
    {
      kind: 'choice',
      name: 'way',
      label: trans.__('Replicas'),
      initial: now.way,
      options: [
        { value: 'fixed', label: trans.__('A fixed number') },
        { value: 'load', label: trans.__('As many as the load needs') }
      ]
    },
    {
      kind: 'number',
      name: 'replicas',
      label: trans.__('How many'),
      required: true,
      initial: now.replicas,
      least: 1,
      most: 64,
      whole: true,
      when: values => !follows(values)
    },
    load('min_replicas', trans.__('At least'), {
      help: trans.__('0: none runs while there is nothing to do, and the first request starts one.'),
      initial: now.min_replicas,
      least: 0,
      most: 64,
      whole: true
    }),
    load('max_replicas', trans.__('At most'), {
      initial: now.max_replicas,
      least: 1,
      most: 64,
      whole: true,
      check: (value: string, values: Values) =>
        Number(value) < (numberOf(values, 'min_replicas') ?? 0)
          ? trans.__('This is less than the least.')
          : null
    }),
    load('target_utilization', trans.__('Target utilization'), {
      help: trans.__('How full replicas are kept, from 0 to 1.'),
      initial: now.target_utilization,
      least: 0.01,
      most: 1
    }),
    load('concurrency', trans.__('Requests in flight that make a replica full'), {
      initial: now.concurrency,
      least: 1,
      whole: true,
      advanced: true
    }),
    load('cool_down_s', trans.__('Cool-down'), {
      help: trans.__('A replica that was not needed for so long is stopped.'),
      initial: now.cool_down_s,
      least: 1,
      unit: 's',
      advanced: true
    })
  ];
}
