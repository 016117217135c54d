/** What went wrong is said once, above everything that it is the reason for. */

import { createContext, useContext, useMemo, useState } from 'react';
import type { JSX, ReactNode } from 'react';

import { useAway, useSession, useTrans } from '../../api/context';
import { asApiError } from '../../api/errors';
import { Button } from './button';
import { Prose } from './prose';

/** The sentences that stand above. */
const Told = createContext<readonly string[]>([]);

/** Whether that very thing is said above already. */
export function useTold(error: unknown): boolean {
  return useContext(Told).includes(asApiError(error).message);
}

/** Content below which nothing says again what went wrong. */
export function Below(props: { readonly error: unknown; readonly children: ReactNode }): JSX.Element {
  const above = useContext(Told);
  const message = props.error ? asApiError(props.error).message : null;
  const told = useMemo(() => (message === null ? above : [...above, message]), [above, message]);
  return <Told.Provider value={told}>{props.children}</Told.Provider>;
}

/** A whole panel: where the server cannot be asked, that is said at its top and nowhere else in it. */
export function Reach({ children }: { readonly children: ReactNode }): JSX.Element {
  const away = useAway();
  return (
    <>
      {away && <Trouble error={away} />}
      <Below error={away}>{children}</Below>
    </>
  );
}

/** What keeps a panel from being up to date, what to do about it, and a button that does it or tries again. */
export function Trouble({ error }: { readonly error: unknown }): JSX.Element {
  const session = useSession();
  const trans = useTrans();
  const [isBusy, setBusy] = useState(false);
  const { kind, message, hint } = asApiError(error);
  const isOfPage = kind === 'forbidden' || kind === 'version';
  return (
    <div className="jp-Mlops-failure jp-Mlops-trouble" role="alert">
      <div>
        <strong>{message}</strong>
        {hint && (
          <p>
            <Prose text={hint} />
          </p>
        )}
      </div>
      {isOfPage ? (
        <Button onClick={() => window.location.reload()}>{trans.__('Reload the page')}</Button>
      ) : (
        <Button
          busy={isBusy}
          onClick={() => {
            setBusy(true);
            void session.retry().finally(() => setBusy(false));
          }}
        >
          {trans.__('Retry')}
        </Button>
      )}
    </div>
  );
}
