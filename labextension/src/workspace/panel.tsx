/** The head of the panel: which workspace it shows. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Workspace } from '../api/types';

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
