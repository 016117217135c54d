/** Sends a body to a service through the Jupyter server, and reads what came back, whatever its status. */

import type { Client } from '../api/client';
import { readProblem, refusal } from '../api/errors';
import type { Problem } from '../api/types';

export interface Scored {
  readonly status: number;
  readonly media: string;
  readonly data: Blob;
  /** Null for an answer that is no text. */
  readonly text: string | null;
  /** How long the service took, as the Jupyter server saw it; null where it does not say. */
  readonly tookS: number | null;
  /** Which deployment answered; empty where none did. */
  readonly deployment: string;
  readonly requestId: string;
  /** The error in the service's own words. */
  readonly problem: Pick<Problem, 'code' | 'detail' | 'hint'> | null;
}

export interface Sent {
  readonly body: string | Blob;
  readonly media: string;
  /** Empty: by traffic. */
  readonly deployment: string;
}

export async function score(client: Client, name: string, sent: Sent): Promise<Scored> {
  const { body, media, deployment } = sent;
  const response = await client.raw('/services/{name}/score', {
    path: { name },
    query: deployment ? { deployment } : {},
    body,
    media
  });
  const type = (response.headers.get('content-type') ?? '').split(';')[0]?.trim() ?? '';
  const data = await response.blob();
  const text = !type || /^text\/|[/+]json$/.test(type) ? await data.text() : null;
  const problem = response.ok ? null : readProblem(text ?? '');
  if (!response.ok && !problem) {
    throw refusal(response.status, text ?? ''); // Jupyter's own, or a proxy's
  }
  const took = /dur=([\d.]+)/.exec(response.headers.get('server-timing') ?? '');
  return {
    status: response.status,
    media: type,
    data,
    text,
    tookS: took ? Number(took[1]) / 1000 : null,
    deployment: response.headers.get('x-mlops-deployment') ?? '',
    requestId: response.headers.get('x-request-id') ?? '',
    problem
  };
}
