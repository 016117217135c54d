/** What a part of a panel shows when it has nothing to show: waiting, empty, or what went wrong. */

import type { JSX, ReactNode } from 'react';

import { asApiError } from '../../api/errors';
import { Prose } from './prose';
import { Below, useTold } from './told';

export function Busy({ label }: { readonly label: string }): JSX.Element {
  return (
    <div className="jp-Mlops-middle" role="status" aria-busy="true">
      <span className="jp-Mlops-wait">{label}…</span>
    </div>
  );
}

/** Nothing here yet: what it is for, and what to type or click to get the first one. */
export function Empty(props: { readonly title: string; readonly children?: ReactNode }): JSX.Element {
  return (
    <div className="jp-Mlops-empty">
      <strong>{props.title}</strong>
      {props.children && <div>{props.children}</div>}
    </div>
  );
}

export function Problem(props: { readonly message: string; readonly hint?: string }): JSX.Element {
  return (
    <div className="jp-Mlops-failure" role="alert">
      <strong>{props.message}</strong>
      {props.hint && (
        <p>
          <Prose text={props.hint} />
        </p>
      )}
    </div>
  );
}

/** A query's error in the server's own words, where they do not stand above already. */
export function Failed({ error }: { readonly error: unknown }): JSX.Element | null {
  const { message, hint } = asApiError(error);
  return useTold(error) ? null : <Problem message={message} hint={hint} />;
}

/** Above content that is shown all the same: it may be old. */
export function Stale({ error }: { readonly error: unknown }): JSX.Element | null {
  const isTold = useTold(error);
  return isTold || error === null || error === undefined ? null : (
    <div className="jp-Mlops-notice" role="status">
      {asApiError(error).message}
    </div>
  );
}

/** Content that may be old, and why: nothing in it says so again. */
export function Known(props: { readonly error: unknown; readonly children: ReactNode }): JSX.Element {
  return (
    <>
      <Stale error={props.error} />
      <Below error={props.error}>{props.children}</Below>
    </>
  );
}
