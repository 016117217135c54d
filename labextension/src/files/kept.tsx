/** A file that a run or a snapshot keeps, shown in place. */

import type { JSX } from 'react';

import { useSession } from '../api/context';
import { downloadUrl } from './drive';
import { drivePath } from './paths';
import type { Kept } from './paths';
import { Preview } from './preview';

export function KeptFile(props: {
  readonly kept: Kept;
  readonly nBytes: number;
  readonly blob: Blob | undefined;
  readonly error: unknown;
}): JSX.Element {
  const { kept, nBytes, blob, error } = props;
  const { lab } = useSession();
  const url = downloadUrl(lab.manager.serverSettings.baseUrl, kept);
  return (
    <Preview path={kept.path} nBytes={nBytes} source={{ drivePath: drivePath(kept), url, blob, error }} />
  );
}
