/** Opens a file that is kept, to be looked at. */

import type { LabParts } from '../tokens';

/** A document that is only read has no kernel to run in: where it stood then is no longer there. */
export const NO_KERNEL = { shouldStart: false, canStart: false, autoStartDefault: false };

export function openReadOnly(lab: LabParts, path: string): void {
  lab.documents?.openOrReveal(path, 'default', undefined, undefined, NO_KERNEL);
}
