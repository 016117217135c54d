/** Which workspace the server shows. */

import type { UseQueryResult } from '@tanstack/react-query';

import { useLive, useSession } from '../api/context';
import type { Workspace } from '../api/types';

/** It may not be there yet: then it says where the first run will make it. */
export function useWorkspace(): UseQueryResult<Workspace> {
  const { client } = useSession();
  return useLive({ key: ['workspace'], fn: signal => client.get('/workspace', { signal }) });
}

/** Whether there is one. Its id tells, too, and a server that is older than the page says nothing else. */
export function isMade(workspace: Workspace): boolean {
  return workspace.id !== '';
}
