/** What can go wrong between the panel and the server, in words for a person. */

import type { Problem } from './types';

/** `empty`: all is well, there is just no workspace yet. */
export type ErrorKind = 'empty' | 'absent' | 'forbidden' | 'unreachable' | 'problem';

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
    'The Jupyter server does not answer.',
    'The panel asks again by itself. If this stays, look at the terminal in which JupyterLab was started.'
  );
}

/** Read a refusal. `body` is what came, whatever it was. */
export function refusal(status: number, body: string): ApiError {
  const problem = readProblem(body);
  if (problem) {
    return new ApiError(kindOf(status, problem.code), problem.detail, problem.hint);
  }
  if (status === 404) {
    return new ApiError(
      'absent',
      'The server extension of jupyter-mlops is not running on this server.',
      'In a terminal: jupyter server extension enable jupyter_mlops. Then restart JupyterLab.'
    );
  }
  if (status === 401 || status === 403) {
    return new ApiError(
      'forbidden',
      'This server does not let you look at its workspace.',
      'Log in again, or ask its owner for permission to read.'
    );
  }
  return new ApiError(
    'problem',
    `The server answered ${status} and did not say why.`,
    'Its log, in the terminal in which JupyterLab was started, has the reason.'
  );
}

function kindOf(status: number, code: string): ErrorKind {
  if (code === 'workspace-not-found') {
    return 'empty';
  }
  return status === 403 ? 'forbidden' : 'problem';
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
