/** Paths of the read-only drive: what snapshots and runs keep, named so that Lab can open it. */

export const DRIVE = 'mlops';

/** Where a path of the drive is kept. */
export interface Kept {
  readonly of: 'snapshots' | 'runs';
  readonly ref: string;
  readonly path: string;
}

export function drivePath({ of, ref, path }: Kept): string {
  return `${DRIVE}:${of}/${ref}/${path}`;
}

/** Read a path below the drive; null for what is none of ours. */
export function readPath(localPath: string): Kept | null {
  const [, of, ref, path] = /^\/?(snapshots|runs)\/([^/]+)\/(.+)$/s.exec(localPath) ?? [];
  return of && ref && path ? { of: of as Kept['of'], ref, path } : null;
}
