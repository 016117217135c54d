/** The sidebar's content: which workspace it is, the filter, and the tree of what is in it. */

import { useMemo } from 'react';
import type { JSX } from 'react';

import { useAway, useTrans } from '../api/context';
import { asApiError } from '../api/errors';
import { Trouble } from '../common/ui/told';
import type { Chosen } from '../runs/model';
import type { Folds } from '../tree/model';
import { Welcome, WorkspaceHeader } from '../workspace/panel';
import { isMade, useWorkspace } from '../workspace/queries';
import { Lists } from './lists';
import { versionNotice } from './model';
import type { SectionId } from './model';

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
  const away = useAway();
  const notice = useMemo(
    () => (workspace.data ? versionNotice(workspace.data, trans) : null),
    [workspace.data, trans]
  );
  if (workspace.data) {
    const trouble = away ?? (workspace.error ? asApiError(workspace.error) : null);
    return (
      <div className="jp-Mlops-panel">
        {isMade(workspace.data) ? (
          <>
            <WorkspaceHeader workspace={workspace.data} />
            <Lists
              key={workspace.data.id}
              {...props}
              workspace={workspace.data.id}
              trouble={trouble ?? notice}
              isOld={trouble !== null}
            />
          </>
        ) : (
          <>
            {(trouble ?? notice) && <Trouble error={trouble ?? notice} />}
            <Welcome workspace={workspace.data} />
          </>
        )}
      </div>
    );
  }
  const failure = away ?? workspace.error;
  if (!failure) {
    return (
      <div className="jp-Mlops-panel" aria-busy="true">
        <div className="jp-Mlops-wait">{trans.__('Looking for the workspace…')}</div>
      </div>
    );
  }
  return (
    <div className="jp-Mlops-panel">
      <Trouble error={failure} />
    </div>
  );
}
