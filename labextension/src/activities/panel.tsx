/** Rows of activities, with a bar while they go on. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import type { Activity } from '../api/types';
import { useNow } from '../common/clock';
import { age, clip, moment } from '../common/format';
import { CrossIcon, StatusIcon } from '../common/icons';
import type { Tone } from '../common/icons';
import { Bar } from '../common/ui/bar';
import { activityWord, isActive } from './model';
import type { ActivityNode } from './model';

const TONES: Readonly<Record<Activity['state'], Tone>> = {
  queued: 'quiet',
  running: 'busy',
  done: 'good',
  failed: 'bad',
  cancelled: 'warn'
};

export function ActivityRow(props: {
  readonly node: ActivityNode;
  /** Null where nobody may. */
  readonly cancel: ((id: string) => void) | null;
}): JSX.Element {
  const now = useNow();
  const trans = useTrans();
  const { cancel } = props;
  const { activity, title } = props.node;
  const percent = Math.round(activity.progress * 100);
  return (
    <>
      <StatusIcon tone={TONES[activity.state]} title={activityWord(activity, trans)} />
      <span className="jp-Mlops-lines">
        <span className="jp-Mlops-line">
          <span className="jp-Mlops-name" title={clip(title)}>
            <bdi>{clip(title)}</bdi>
          </span>
          <span className="jp-Mlops-aside" title={trans.__('Asked %1', moment(activity.created_at))}>
            {isActive(activity) ? `${percent}%` : age(activity.created_at, now)}
          </span>
        </span>
        {isActive(activity) && (
          <>
            <span className="jp-Mlops-step" title={clip(activity.message)}>
              {clip(activity.message) || activityWord(activity, trans)}
            </span>
            <Bar label={title} percent={percent} />
          </>
        )}
      </span>
      {isActive(activity) && !activity.cancel_asked && cancel && (
        <button
          type="button"
          className="jp-Mlops-action"
          title={trans.__('Cancel')}
          aria-label={trans.__('Cancel %1', clip(title))}
          tabIndex={-1}
          onClick={event => {
            event.stopPropagation();
            cancel(activity.name);
          }}
        >
          <CrossIcon />
        </button>
      )}
    </>
  );
}
