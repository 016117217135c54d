/** Words of the view that several of its parts say. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Activity, Service } from '../api/types';
import type { ReplicaFigures } from './figures';

export function stateName(state: Service['state'], trans: TranslationBundle): string {
  switch (state) {
    case 'pending':
      return trans.__('starting');
    case 'ready':
      return trans.__('ready');
    case 'degraded':
      return trans.__('degraded');
    case 'failed':
      return trans.__('failed');
    case 'deleting':
      return trans.__('being deleted');
  }
}

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

/** What goes on with a service: `services.update` on `service churn` is `Update churn`. */
export function activityTitle({ verb, subject }: Activity, trans: TranslationBundle): string {
  const name = subject.replace(/^service /, '');
  switch (verb) {
    case 'services.deploy':
      return trans.__('Deploy %1', name);
    case 'services.update':
      return trans.__('Update %1', name);
    case 'services.rollback':
      return trans.__('Roll %1 back', name);
    case 'services.remove':
      return trans.__('Remove a deployment of %1', name);
    case 'services.delete':
      return trans.__('Delete %1', name);
    default:
      return `${verb} ${name}`;
  }
}
