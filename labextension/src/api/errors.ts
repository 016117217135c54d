/** What can go wrong between the panel and the server, in words for a person. */

import { trans } from '../common/words';
import type { Problem } from './types';

/** `version`: the page and the server do not belong together. */
export type ErrorKind = 'absent' | 'forbidden' | 'unreachable' | 'version' | 'problem';

/** These are about the server and not about what it was asked for. */
export const OF_SERVER: readonly ErrorKind[] = ['absent', 'forbidden', 'unreachable'];

/** A failed request: what happened in one sentence, and what to do next. */
export class ApiError extends Error {
  constructor(
    readonly kind: ErrorKind,
    message: string,
    readonly hint = ''
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** The server did not answer at all. */
export function unreachable(): ApiError {
  return new ApiError(
    'unreachable',
    trans.__('The Jupyter server does not answer.'),
    trans.__(
      'It is asked again by itself. If it was stopped, start it as before, with: `jupyter lab`. The terminal in which it ran has the reason.'
    )
  );
}

/** What the Hub says in the place of a server of its own that does not run. */
const STOPPED = 424;
/** What proxies say in the place of a server that does not answer them. */
const NO_ANSWER: readonly number[] = [502, 503, 504];

/** Read a refusal. `body` is what came, whatever it was. */
export function refusal(status: number, body: string): ApiError {
  const problem = readProblem(body);
  if (problem) {
    return problem.code === 'unauthenticated'
      ? stranger()
      : new ApiError(status === 403 ? 'forbidden' : 'problem', problem.detail, problem.hint);
  }
  if (status === STOPPED) {
    return new ApiError(
      'unreachable',
      trans.__('The hub has stopped this Jupyter server.'),
      trans.__('Start it again in File, Hub Control Panel, and reload this page.')
    );
  }
  if (NO_ANSWER.includes(status)) {
    return unreachable();
  }
  if (status === 404) {
    return new ApiError(
      'absent',
      trans.__('The server extension of jupyter-mlops is not running on this server.'),
      trans.__('In a terminal: `jupyter server extension enable jupyter_mlops`. Then restart JupyterLab.')
    );
  }
  if (status === 401 || status === 403) {
    return stranger();
  }
  return new ApiError(
    'problem',
    trans.__('The server answered %1 and did not say why.', status),
    trans.__('Its log, in the terminal in which JupyterLab was started, has the reason.')
  );
}

/** Who was logged in is not any more. Whom the authorizer refuses hears so from our own server, in its words. */
function stranger(): ApiError {
  return new ApiError(
    'forbidden',
    trans.__('This server does not know who you are, or no longer.'),
    trans.__('Reload the page to log in again.')
  );
}

/** Any thrown thing as an `ApiError`. */
export function asApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError('problem', String(error));
}

/** Return our own record of an error, null for anything else. */
export function readProblem(body: string): Pick<Problem, 'code' | 'detail' | 'hint'> | null {
  try {
    const value: unknown = JSON.parse(body);
    // Jupyter's own refusals are {"message", "reason"}: only ours have a code and a detail.
    if (isRecord(value) && typeof value.code === 'string' && typeof value.detail === 'string') {
      return {
        code: value.code,
        detail: value.detail,
        hint: typeof value.hint === 'string' ? value.hint : ''
      };
    }
  } catch {
    return null; // an HTML page from a proxy is no problem record
  }
  return null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
