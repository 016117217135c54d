/** Which workspace it is, and what makes one where there is none. */

import type { JSX, ReactNode } from 'react';

import { useRefusal, useTrans } from '../api/context';
import type { Workspace } from '../api/types';
import { Button } from '../common/ui/button';
import { Prose } from '../common/ui/prose';
import { Busy, Failed } from '../common/ui/states';
import { LOAD, MAGIC } from '../verbs/magic';
import { isMade, useMaking, useWorkspace } from './queries';

/** The head of the sidebar. */
export function WorkspaceHeader({ workspace }: { readonly workspace: Workspace }): JSX.Element {
  const trans = useTrans();
  return (
    <header className="jp-Mlops-header">
      <h2 className="jp-Mlops-title" title={trans.__('Workspace %1', workspace.name)}>
        <bdi>{workspace.name}</bdi>
      </h2>
      <div className="jp-Mlops-home" title={trans.__('The workspace in %1', workspace.home)}>
        {/* Long paths are cut at their beginning: the end tells folders apart. */}
        <bdi>{workspace.short_home}</bdi>
      </div>
    </header>
  );
}

/** Where there is no workspace yet: what makes one. */
export function Welcome({ workspace }: { readonly workspace: Workspace }): JSX.Element {
  const trans = useTrans();
  const refused = useRefusal();
  const making = useMaking();
  return (
    <div className="jp-Mlops-welcome">
      <strong>{trans.__('No workspace yet.')}</strong>
      <p>{trans.__('The first run makes one. In a notebook, run this once:')}</p>
      <p>
        <code>{LOAD}</code>
      </p>
      <p>{trans.__('Then begin a cell with')}</p>
      <p>
        <code>{MAGIC}</code>
      </p>
      <p>
        <Prose
          text={trans.__(
            'Or make an empty one, with `%1` there or `%2` in a terminal.',
            '%ml init',
            'mlops init'
          )}
        />
      </p>
      <p>
        <Prose text={trans.__('There is none in `%1` or above it.', workspace.short_home)} />
      </p>
      <p>
        <Button refused={refused} busy={making.isPending} onClick={() => making.mutate()}>
          {trans.__('Make an empty workspace')}
        </Button>
      </p>
      {making.error && <Failed error={making.error} />}
    </div>
  );
}

/** A view of something in the workspace, once it is known that there is one. */
export function Placed({ children }: { readonly children: ReactNode }): JSX.Element {
  const trans = useTrans();
  const { data, isPending } = useWorkspace();
  if (isPending) {
    return <Busy label={trans.__('Looking for the workspace')} />;
  }
  // Where it could not be asked for, the view says so itself.
  return data && !isMade(data) ? <Welcome workspace={data} /> : <>{children}</>;
}
