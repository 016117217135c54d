/** What of a service can be changed while it runs. */

import type { Service } from '../api/types';
import { askForm } from '../forms/dialog';
import { textOf, wordsOf } from '../forms/model';
import type { Field, Values } from '../forms/model';
import type { Context } from './context';
import { serviceField } from './fields';
import { said } from './say';
import { serviceOf } from './suggest';

/** Limits, logs and telemetry of a service, changed while it runs. */
export async function configureService(context: Context, { service }: { service?: string }): Promise<void> {
  const { trans, client } = context;
  const known = service === undefined ? undefined : await serviceOf(context, service);
  const before = known ? settingsOf(known) : {};
  const done = await askForm(
    {
      title: service ? trans.__('Configure %1', service) : trans.__('Configure a Service'),
      intro: trans.__('Nothing restarts. What is left empty stays as it is.'),
      accept: trans.__('Save'),
      fields: [...serviceField(context, service), ...settingFields(context, before)],
      send: values => {
        const body = changedSettings(values, before);
        return client.patch('/services/{name}', {
          path: { name: service ?? textOf(values, 'service') },
          body
        });
      }
    },
    trans
  );
  if (done) {
    said(trans.__('The service %1 is configured.', done.value.name));
  }
}

type Settings = Readonly<Record<string, string>>;

const NUMBERS = [
  'max_concurrent',
  'max_queue',
  'max_batch',
  'max_body_bytes',
  'timeout_s',
  'sample',
  'keep_days'
];
const OF_TELEMETRY = ['enabled', 'sample', 'keep_days', 'hash', 'drop', 'store'];
const LISTS = ['hash', 'drop'];

export function settingsOf(service: Service): Settings {
  const { limits, telemetry } = service;
  const all = {
    ...limits,
    ...telemetry,
    log_level: service.log_level,
    otlp_endpoint: service.otlp_endpoint,
    hash: telemetry.hash.join(', '),
    drop: telemetry.drop.join(', ')
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, String(value)]));
}

/** What differs from how it was, as the route takes it. */
export function changedSettings(values: Values, before: Settings): object {
  const now = Object.keys(values)
    .filter(name => name !== 'service')
    .map(name => [name, textOf(values, name)] as const)
    .filter(
      ([name, text]) =>
        text !== (before[name] ?? '') && (text !== '' || LISTS.includes(name) || name === 'otlp_endpoint')
    );
  const read = ([name, text]: readonly [string, string]): readonly [string, unknown] => {
    if (LISTS.includes(name)) {
      return [name, [...wordsOf(values, name)]];
    }
    return [name, name === 'enabled' ? text === 'true' : NUMBERS.includes(name) ? Number(text) : text];
  };
  const telemetry = now.filter(([name]) => OF_TELEMETRY.includes(name)).map(read);
  return {
    ...Object.fromEntries(now.filter(([name]) => !OF_TELEMETRY.includes(name)).map(read)),
    ...(telemetry.length && { telemetry: Object.fromEntries(telemetry) })
  };
}

function settingFields(context: Context, before: Settings): readonly Field[] {
  const { trans } = context;
  const number = (name: string, label: string, more: object): Field => {
    const initial = before[name] ? { initial: Number(before[name]) } : {};
    return { kind: 'number', name, label, whole: true, ...initial, ...more };
  };
  const text = (name: string, label: string, help: string): Field => ({
    kind: 'text',
    name,
    label,
    help,
    initial: before[name] ?? '',
    advanced: true
  });
  const unknown = before.log_level === undefined ? [{ value: '', label: trans.__('As it is') }] : [];
  return [
    number('max_concurrent', trans.__('Requests scored at once'), { least: 1 }),
    number('max_queue', trans.__('Requests waiting beyond those'), { least: 0, help: trans.__('Then 429.') }),
    number('timeout_s', trans.__('Time for an answer'), {
      least: 0.001,
      most: 3600,
      whole: false,
      unit: 's'
    }),
    {
      kind: 'choice',
      name: 'log_level',
      label: trans.__('Log'),
      initial: before.log_level ?? '',
      options: [
        ...unknown,
        { value: 'info', label: trans.__('Everything') },
        { value: 'warning', label: trans.__('Warnings and errors') },
        { value: 'error', label: trans.__('Errors') }
      ]
    },
    {
      kind: 'choice',
      name: 'enabled',
      label: trans.__('Telemetry'),
      initial: before.enabled ?? '',
      options: [
        ...unknown,
        { value: 'true', label: trans.__('Requests are kept') },
        { value: 'false', label: trans.__('Off') }
      ]
    },
    number('sample', trans.__('Share of requests kept'), {
      least: 0,
      most: 1,
      whole: false,
      help: trans.__('From 0 to 1.')
    }),
    number('max_batch', trans.__('Requests scored together'), {
      least: 1,
      advanced: true,
      help: trans.__('1 where an answer depends on what else is in the batch.')
    }),
    number('max_body_bytes', trans.__('Size of a request'), {
      least: 1,
      unit: trans.__('bytes'),
      advanced: true
    }),
    number('keep_days', trans.__('Days that telemetry is kept'), {
      least: 0,
      advanced: true,
      help: trans.__('0 for good.')
    }),
    text('hash', trans.__('Columns kept as digests'), trans.__('With commas between them.')),
    text('drop', trans.__('Columns left out'), trans.__('With commas between them.')),
    text(
      'store',
      trans.__('Store for telemetry'),
      trans.__('Such as s3://bucket/folder; the workspace’s own where it is empty.')
    ),
    text('otlp_endpoint', trans.__('Send logs to'), trans.__('An OTLP endpoint over HTTP.'))
  ];
}
