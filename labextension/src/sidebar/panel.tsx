/** The sidebar's content: which workspace it is, the filter, and the tree of what is in it. */

import type { JSX, ReactNode } from 'react';

import { useTrans } from '../api/context';
import { asApiError } from '../api/errors';
import type { Chosen } from '../runs/model';
import type { Folds } from '../tree/model';
import { WorkspaceHeader } from '../workspace/panel';
import { Lists } from './lists';
import { versionNotice } from './model';
import type { SectionId } from './model';
import { useWorkspace } from './queries';

/** A section that is to be seen: another object each time that it is asked for. */
export interface Revealed {
  readonly section: SectionId;
}

export interface SidebarProps {
  readonly revealed?: Revealed | null;
  /** What was folded when Lab was last open. */
  readonly folds: Folds;
  readonly keepFolds: (folds: Folds) => void;
  /** What a person chose to see beside runs, by workspace. */
  readonly chosen: Readonly<Record<string, Chosen>>;
  readonly keepChosen: (workspace: string, chosen: Chosen) => void;
  readonly copy: (text: string) => void;
}

export function Sidebar(props: SidebarProps): JSX.Element {
  const trans = useTrans();
  const workspace = useWorkspace();
  if (workspace.data) {
    return (
      <div className="jp-Mlops-panel">
        <WorkspaceHeader workspace={workspace.data} />
        <Notice
          text={workspace.error ? asApiError(workspace.error).message : versionNotice(workspace.data, trans)}
        />
        <Lists key={workspace.data.id} {...props} workspace={workspace.data.id} />
      </div>
    );
  }
  if (!workspace.error) {
    return (
      <div className="jp-Mlops-panel" aria-busy="true">
        <div className="jp-Mlops-wait">{trans.__('Looking for the workspace…')}</div>
      </div>
    );
  }
  const error = asApiError(workspace.error);
  return (
    <div className="jp-Mlops-panel">
      {error.kind === 'empty' ? (
        <Welcome>{error.message}</Welcome>
      ) : (
        <div className="jp-Mlops-failure" role="alert">
          <strong>{error.message}</strong>
          {error.hint && <p>{error.hint}</p>}
        </div>
      )}
    </div>
  );
}

/** Where there is no workspace yet: what makes one. */
function Welcome({ children }: { readonly children: ReactNode }): JSX.Element {
  const trans = useTrans();
  return (
    <div className="jp-Mlops-welcome">
      <strong>{trans.__('No workspace yet.')}</strong>
      <p>{trans.__('The first run makes one. In a notebook, run this once:')}</p>
      <p>
        <code>%load_ext jupyter_mlops</code>
      </p>
      <p>{trans.__('Then begin a cell with')}</p>
      <p>
        <code>%%ml run</code>
      </p>
      <p>{children}</p>
    </div>
  );
}

function Notice({ text }: { readonly text: string | null }): JSX.Element | null {
  return text === null ? null : (
    <div className="jp-Mlops-notice" role="status">
      {text}
    </div>
  );
}
