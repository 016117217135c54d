/** Activities with their progress, as the panel lists them. */

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

export function isActive(activity: Activity): boolean {
  return activity.state === 'queued' || activity.state === 'running';
}

/** `services.deploy` and `service churn` make `deploy service churn`. */
export function titleOf(activity: Activity): string {
  return `${activity.verb.split('.').pop() ?? activity.verb} ${activity.subject}`;
}

/** Return the nodes of the section Activities: what goes on first, then what ended, newest first. */
export function activityNodes(activities: readonly Activity[], filter: string): readonly ActivitiesNode[] {
  if (!activities.length) {
    return [hint('activities', 'Nothing has been built or deployed yet.')];
  }
  const passes = matcher(filter);
  const nodes = [...activities]
    .sort((a, b) => Number(isActive(b)) - Number(isActive(a)) || b.created_at - a.created_at)
    .map(activityNode)
    .filter(node => passes(node.title, node.activity.state, node.activity.name));
  return nodes.length ? nodes : [hint('activities', 'No activity matches the filter.')];
}

function activityNode(activity: Activity): ActivityNode {
  const id = `activity:${activity.name}`;
  const title = titleOf(activity);
  const facts: FactNode[] = [];
  if (activity.error) {
    facts.push(fact(id, 'why', activity.error.detail, 'error'));
    if (activity.error.hint) {
      facts.push(fact(id, 'next', activity.error.hint));
    }
  } else if (activity.message) {
    facts.push(fact(id, 'step', activity.message));
  }
  facts.push(fact(id, 'id', activity.name));
  const percent = isActive(activity) ? `, ${Math.round(activity.progress * 100)} percent` : '';
  return {
    kind: 'activity',
    id,
    label: `${title}, ${activity.state}${percent}`,
    activity,
    title,
    children: facts
  };
}
