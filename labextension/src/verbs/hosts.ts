/** Verbs of hosts and of the agent. */

import { Notification, showErrorMessage } from '@jupyterlab/apputils';

import type { Host } from '../api/types';
import { askForm } from '../forms/dialog';
import { textOf } from '../forms/model';
import type { Field } from '../forms/model';
import type { Context } from './context';
import { nameCheck } from './fields';
import { said } from './say';
import { hostNames } from './suggest';

export async function addHost(context: Context): Promise<void> {
  const { trans, client } = context;
  const text = (name: string, label: string, help: string): Field => ({
    kind: 'text',
    name,
    label,
    help,
    advanced: true
  });
  const done = await askForm(
    {
      title: trans.__('Add a Host'),
      intro: trans.__('Another machine’s Docker engine, once it answers.'),
      accept: trans.__('Add'),
      fields: [
        { kind: 'text', name: 'name', label: trans.__('Name'), required: true, check: nameCheck(trans) },
        {
          kind: 'text',
          name: 'url',
          label: trans.__('URL'),
          required: true,
          placeholder: 'ssh://user@machine',
          help: trans.__('ssh://USER@MACHINE, or tcp://MACHINE:PORT with certificates.'),
          check: value =>
            /^(ssh|tcp):\/\/./.test(value) ? null : trans.__('It begins with ssh:// or tcp://.')
        },
        text(
          'certificates',
          trans.__('Certificates'),
          trans.__('Folder of the server with ca.pem, cert.pem and key.pem.')
        ),
        text(
          'ssh_config',
          trans.__('ssh configuration'),
          trans.__('File of the server that ssh reads instead of the user’s own.')
        )
      ],
      send: values =>
        client.post('/hosts', {
          body: {
            name: textOf(values, 'name'),
            url: textOf(values, 'url'),
            certificates: textOf(values, 'certificates'),
            ssh_config: textOf(values, 'ssh_config')
          }
        })
    },
    trans
  );
  if (done) {
    said(trans.__('The host %1 answers.', done.value.name));
  }
}

/** Ask a host whether services can run there; a person reads what answers, or what is wrong. */
export async function checkHost(context: Context, { host }: { host?: string }): Promise<void> {
  const { trans, client } = context;
  const check = (name: string): Promise<Host> => client.get('/hosts/{name}/check', { path: { name } });
  const done = host
    ? { value: await check(host) }
    : await askForm(
        {
          title: trans.__('Check a Host'),
          intro: trans.__('Asks it whether services can run there.'),
          accept: trans.__('Check'),
          fields: [
            {
              kind: 'combo',
              name: 'host',
              label: trans.__('Host'),
              required: true,
              suggest: hostNames(context)
            }
          ],
          send: values => check(textOf(values, 'host'))
        },
        trans
      );
  if (!done) {
    return;
  }
  const { name, answers, detail, hint } = done.value;
  if (answers) {
    said(trans.__('The host %1 answers: %2', name, detail));
  } else {
    // Lab cuts notifications short, and what to do comes last.
    const whole = { message: [detail, hint].filter(Boolean).join(' ') };
    Notification.error(trans.__('The host %1 does not answer. %2', name, detail), {
      autoClose: false,
      actions: [
        {
          label: trans.__('What to Do…'),
          callback: () => void showErrorMessage(trans.__('The host %1 does not answer', name), whole)
        }
      ]
    });
  }
}

export async function removeHost(context: Context, { host }: { host?: string }): Promise<void> {
  const { trans, client } = context;
  const suggest = hostNames(context);
  const done = await askForm(
    {
      title: host ? trans.__('Remove the Host %1', host) : trans.__('Remove a Host'),
      intro: trans.__('Nothing on the machine itself is touched.'),
      accept: trans.__('Remove'),
      warn: true,
      fields: host
        ? []
        : [
            {
              kind: 'combo',
              name: 'host',
              label: trans.__('Host'),
              required: true,
              suggest: async () => (await suggest()).filter(one => !['process', 'docker'].includes(one.value))
            }
          ],
      send: async values => {
        const name = host ?? textOf(values, 'host');
        await client.delete('/hosts/{name}', { path: { name } });
        return name;
      }
    },
    trans
  );
  if (done) {
    said(trans.__('The host %1 is removed.', done.value));
  }
}

export async function startAgent(context: Context): Promise<void> {
  await context.client.post('/agent');
  await context.session.queries.invalidateQueries({ queryKey: ['workspace'] });
  said(context.trans.__('The agent runs.'));
}

export async function stopAgent(context: Context): Promise<void> {
  const { trans, client } = context;
  const done = await askForm(
    {
      title: trans.__('Stop the Agent'),
      intro: trans.__(
        'Services go on serving, and nothing is scaled, replaced or scheduled until it runs again.'
      ),
      accept: trans.__('Stop'),
      warn: true,
      fields: [],
      send: () => client.delete('/agent')
    },
    trans
  );
  if (done) {
    await context.session.queries.invalidateQueries({ queryKey: ['workspace'] });
    said(trans.__('The agent is stopped.'));
  }
}
