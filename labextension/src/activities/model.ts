/** Activities with their progress, as the panel lists them. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { Activity } from '../api/types';
import { matcher } from '../common/filter';
import { fact, hint } from '../tree/model';
import type { FactNode, HintNode, TreeNode } from '../tree/model';

export interface ActivityNode extends TreeNode {
  readonly kind: 'activity';
  readonly activity: Activity;
  /** What it does, for a person: `deploy service churn`. */
  readonly title: string;
}

export type ActivitiesNode = ActivityNode | FactNode | HintNode;

/** Two lines and a bar. */
const ACTIVE_PX = 48;

export function activityWord({ state, cancel_asked }: Activity, trans: TranslationBundle): string {
  const words: Readonly<Record<Activity['state'], string>> = {
    queued: trans.__('queued'),
    running: cancel_asked ? trans.__('cancelling') : trans.__('running'),
    done: trans.__('done'),
    failed: trans.__('failed'),
    cancelled: trans.__('cancelled')
  };
  return words[state];
}

export function isActive(activity: Activity): boolean {
  return activity.state === 'queued' || activity.state === 'running';
}

/** What it does, for a person: `services.deploy` of `service churn` is `deploy service churn`. */
export function titleOf({ verb, subject }: Activity, trans: TranslationBundle): string {
  const name = subject.slice(subject.indexOf(' ') + 1);
  switch (verb) {
    case 'services.deploy':
      return trans.__('deploy service %1', name);
    case 'services.update':
      return trans.__('update service %1', name);
    case 'services.rollback':
      return trans.__('roll service %1 back', name);
    case 'services.remove':
      return trans.__('remove a deployment of service %1', name);
    case 'services.delete':
      return trans.__('delete service %1', name);
    case 'images.build':
      return trans.__('build image %1', name);
    case 'images.push':
      return trans.__('push image %1', name);
    case 'images.export':
      return trans.__('export image %1', name);
    case 'images.test':
      return trans.__('test image %1', name);
    default: // of a server that is newer than this page
      return `${verb.split('.').pop() ?? verb} ${subject}`;
  }
}

/** Return the nodes of the section Activities: what goes on first, then what ended, newest first. */
export function activityNodes(
  activities: readonly Activity[],
  filter: string,
  trans: TranslationBundle
): readonly ActivitiesNode[] {
  if (!activities.length) {
    const said = trans.__('Nothing has been built or deployed yet. To deploy a registered model:');
    return [hint('activities', said, '%ml services deploy NAME MODEL')];
  }
  const passes = matcher(filter);
  const nodes = [...activities]
    .sort((a, b) => Number(isActive(b)) - Number(isActive(a)) || b.created_at - a.created_at)
    .map(activity => activityNode(activity, trans))
    .filter(node => passes(node.title, node.activity.state, node.activity.name));
  return nodes.length ? nodes : [hint('activities', trans.__('No activity matches the filter.'))];
}

function activityNode(activity: Activity, trans: TranslationBundle): ActivityNode {
  const id = `activity:${activity.name}`;
  const title = titleOf(activity, trans);
  const facts: FactNode[] = [];
  if (activity.error) {
    facts.push(fact(id, trans.__('why'), activity.error.detail, 'error'));
    if (activity.error.hint) {
      facts.push(fact(id, trans.__('next'), activity.error.hint));
    }
  } else if (activity.message) {
    facts.push(fact(id, trans.__('step'), activity.message));
  }
  facts.push(fact(id, trans.__('id'), activity.name));
  const active = isActive(activity);
  const percent = active ? `, ${trans.__('%1 percent', Math.round(activity.progress * 100))}` : '';
  return {
    kind: 'activity',
    id,
    label: `${title}, ${activityWord(activity, trans)}${percent}`,
    activity,
    title,
    children: facts,
    ...(active && { height: ACTIVE_PX })
  };
}
