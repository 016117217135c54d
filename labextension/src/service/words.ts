/** Words of the view that several of its parts say. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { ReplicaFigures } from './figures';

export function replicaStateName(state: ReplicaFigures['state'], trans: TranslationBundle): string {
  switch (state) {
    case 'ready':
      return trans.__('ready');
    case 'starting':
      return trans.__('starting');
    case 'busy':
      return trans.__('does not answer');
    case 'ended':
      return trans.__('ended');
  }
}
