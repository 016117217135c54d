/** Rows of activities, with a bar while they go on. */

import type { JSX } from 'react';

import type { Activity } from '../api/types';
import { useNow } from '../common/clock';
import { age, moment } from '../common/format';
import { StatusIcon } from '../common/icons';
import type { Tone } from '../common/icons';
import { isActive } from './model';
import type { ActivityNode } from './model';

const TONES: Readonly<Record<Activity['state'], Tone>> = {
  queued: 'quiet',
  running: 'busy',
  done: 'good',
  failed: 'bad',
  cancelled: 'warn'
};

export function ActivityRow({ node }: { readonly node: ActivityNode }): JSX.Element {
  const now = useNow();
  const { activity, title } = node;
  const percent = Math.round(activity.progress * 100);
  return (
    <>
      <StatusIcon tone={TONES[activity.state]} title={activity.state} />
      <span className="jp-Mlops-lines">
        <span className="jp-Mlops-line">
          <span className="jp-Mlops-name" title={title}>
            {title}
          </span>
          <span className="jp-Mlops-aside" title={`Asked ${moment(activity.created_at)}`}>
            {isActive(activity) ? `${percent}%` : age(activity.created_at, now)}
          </span>
        </span>
        {isActive(activity) && (
          <>
            <span className="jp-Mlops-line jp-Mlops-metrics" title={activity.message}>
              {activity.message || activity.state}
            </span>
            <span
              className="jp-Mlops-bar"
              role="progressbar"
              aria-label={title}
              aria-valuemin={0}
              aria-valuemax={100}
              aria-valuenow={percent}
            >
              <span style={{ width: `${percent}%` }} />
            </span>
          </>
        )}
      </span>
    </>
  );
}
