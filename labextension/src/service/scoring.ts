/** Sends a body to a service through the Jupyter server, and reads what came back, whatever its status. */

import type { Client } from '../api/client';
import { readProblem, refusal } from '../api/errors';
import type { Problem } from '../api/types';

export interface Scored {
  readonly status: number;
  readonly text: string;
  /** How long the service took, as the Jupyter server saw it; null where it does not say. */
  readonly tookS: number | null;
  /** Which deployment answered; empty where none did. */
  readonly deployment: string;
  readonly requestId: string;
  /** The error in the service's own words. */
  readonly problem: Pick<Problem, 'code' | 'detail' | 'hint'> | null;
}

export async function score(
  client: Client,
  name: string,
  body: string,
  media: string,
  deployment: string
): Promise<Scored> {
  const response = await client.raw('/services/{name}/score', {
    path: { name },
    query: deployment ? { deployment } : {},
    body,
    media
  });
  const text = await response.text();
  const problem = response.ok ? null : readProblem(text);
  if (!response.ok && !problem) {
    throw refusal(response.status, text); // Jupyter's own, or a proxy's
  }
  const took = /dur=([\d.]+)/.exec(response.headers.get('server-timing') ?? '');
  return {
    status: response.status,
    text,
    tookS: took ? Number(took[1]) / 1000 : null,
    deployment: response.headers.get('x-mlops-deployment') ?? '',
    requestId: response.headers.get('x-request-id') ?? '',
    problem
  };
}
