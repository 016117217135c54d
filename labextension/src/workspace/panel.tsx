/** The head of the panel: which workspace it shows. */

import type { JSX } from 'react';

import type { Workspace } from '../api/types';

export function WorkspaceHeader({ workspace }: { readonly workspace: Workspace }): JSX.Element {
  return (
    <header className="jp-Mlops-header">
      <h2 className="jp-Mlops-title" title={`Workspace ${workspace.name}`}>
        {workspace.name}
      </h2>
      <div className="jp-Mlops-home" title={`The workspace in ${workspace.home}`}>
        {/* Long paths are cut at their beginning: the end tells folders apart. */}
        <bdi>{workspace.home}</bdi>
      </div>
    </header>
  );
}
