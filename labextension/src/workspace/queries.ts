/** Which workspace the server shows. */

import { useMutation } from '@tanstack/react-query';
import type { UseMutationResult, UseQueryResult } from '@tanstack/react-query';

import { useLive, useSession } from '../api/context';
import type { Workspace } from '../api/types';

/** It may not be there yet: then it says where the first run will make it. */
export function useWorkspace(): UseQueryResult<Workspace> {
  const { client } = useSession();
  return useLive({ key: ['workspace'], fn: signal => client.get('/workspace', { signal }) });
}

/** Make one in the server's folder: what was asked for where there was none is asked again. */
export function useMaking(): UseMutationResult<Workspace, Error, void> {
  const { client, queries } = useSession();
  return useMutation({
    mutationFn: () => client.post('/workspace'),
    onSuccess: () => queries.invalidateQueries()
  });
}

/** Whether there is one. Its id tells, too, and a server that is older than the page says nothing else. */
export function isMade(workspace: Workspace): boolean {
  return workspace.id !== '';
}
