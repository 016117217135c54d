/** Verbs of services whose controls stand in the service's own view: they lead to the tab that has them. */

import { CommandIDs } from '../commands';
import { askForm } from '../forms/dialog';
import { textOf } from '../forms/model';
import type { Context } from './context';
import { serviceField } from './fields';

interface Named {
  readonly service?: string;
}

/** To the sliders, and to what removes a deployment. */
export async function setTraffic(context: Context, { service }: Named): Promise<void> {
  const { trans } = context;
  await lead(context, service, 'live', {
    title: trans.__('Set the Traffic of a Service'),
    intro: trans.__('Which share each of its deployments gets, which gets copies, and which is removed.')
  });
}

/** To what makes, renews and copies the certificate. */
export async function useHttps(context: Context, { service }: Named): Promise<void> {
  const { trans } = context;
  await lead(context, service, 'access', {
    title: trans.__('Use HTTPS for a Service'),
    intro: trans.__('With a certificate of the workspace’s own authority, which clients have to trust.')
  });
}

async function lead(
  context: Context,
  service: string | undefined,
  tab: string,
  words: { readonly title: string; readonly intro: string }
): Promise<void> {
  const { trans } = context;
  const subject =
    service ??
    (
      await askForm(
        {
          ...words,
          accept: trans.__('Open'),
          fields: serviceField(context, undefined),
          send: values =>
            context.client.get('/services/{name}', { path: { name: textOf(values, 'service') } })
        },
        trans
      )
    )?.value.name;
  if (subject !== undefined) {
    await context.session.run(CommandIDs.open, { kind: 'service', subject, tab });
  }
}
