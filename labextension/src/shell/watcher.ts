/** Watches what goes on in the workspace: tells how it ended, once, and what of it goes on to the status bar. */

import { Notification } from '@jupyterlab/apputils';
import { Signal } from '@lumino/signaling';
import { QueryObserver } from '@tanstack/react-query';

import { isActive } from '../activities/model';
import { asApiError } from '../api/errors';
import type { Session } from '../api/session';
import type { Activity, Run } from '../api/types';
import { CommandIDs } from '../commands';
import {
  endOfActivity,
  endOfRun,
  isToldOf,
  lostFrom,
  newlyEnded,
  remembered,
  serviceOfActivity,
  stepOfActivity
} from './model';
import type { Message, Work } from './model';
import type { Settings } from './settings';

/** Those that go on, and those that may have come and gone since the last look. */
const WATCHED = "status = 'RUNNING' or status = 'SCHEDULED' or ended > -10m";
const MOST = 100;
const SHOWN_MS = 8000;
/** On runs that only keep the files of a model that was registered from elsewhere. */
const IMPORTED = 'mlops.imported_from';

interface Followed<T> extends Work {
  readonly it: T;
}

export interface Going {
  readonly activities: readonly Activity[];
  readonly runs: readonly Run[];
}

export class Watcher {
  readonly changed = new Signal<this, void>(this);
  going: Going = { activities: [], runs: [] };
  private readonly known: Record<'activities' | 'runs', ReadonlyMap<string, boolean> | null> = {
    activities: null,
    runs: null
  };
  /** What was begun by a click here, with its notification. */
  private readonly own = new Map<string, string>();
  private readonly stops: (() => void)[] = [];

  constructor(
    private readonly session: Session,
    private readonly settings: Settings,
    /** Whether a person has a run's notebook in front of them, and so its card. */
    private readonly isInFront: (run: Run) => boolean
  ) {}

  /** Begin. Ends by itself where the server extension is absent. */
  start(): void {
    const { client, queries } = this.session;
    const common = { refetchInterval: false as const, retry: false };
    const activities = new QueryObserver<readonly Activity[]>(queries, {
      ...common,
      queryKey: ['activities', MOST],
      queryFn: () => client.activities(MOST)
    });
    const runs = new QueryObserver<readonly Run[]>(queries, {
      ...common,
      queryKey: ['runs', 'watched'],
      queryFn: async ({ signal }) =>
        (await client.get('/runs', { query: { where: WATCHED, limit: MOST }, signal })).items
    });
    this.session.look(this, true);
    this.stops.push(
      activities.subscribe(({ data, error }) =>
        data ? this.seeActivities(data) : this.leaveIfAbsent(error)
      ),
      runs.subscribe(({ data }) => data && void this.seeRuns(data))
    );
  }

  stop(): void {
    this.stops.splice(0).forEach(stop => stop());
    this.session.look(this, false);
  }

  /** Follow an activity that a click here began. */
  adopt(activity: Activity): void {
    this.known.activities = remembered(this.known.activities, [{ id: activity.name, isActive: true }]);
    this.begin(activity.name, stepOfActivity(activity, this.trans));
    void this.session.queries.invalidateQueries({ queryKey: ['activities'] });
  }

  /** Follow a run that a click here began. */
  adoptRun(run: Run): void {
    this.known.runs = remembered(this.known.runs, [{ id: run.id, isActive: true }]);
    this.begin(run.id, this.trans.__('Run %1 is running…', run.name.slice(0, 60)));
    void this.session.queries.invalidateQueries({ queryKey: ['runs'] });
  }

  private get trans(): Session['lab']['trans'] {
    return this.session.lab.trans;
  }

  private begin(id: string, message: string): void {
    this.own.set(id, Notification.emit(message, 'in-progress', { autoClose: SHOWN_MS }));
  }

  private leaveIfAbsent(error: Error | null): void {
    if (error && asApiError(error).kind === 'absent') {
      this.stop();
    }
  }

  private seeActivities(list: readonly Activity[]): void {
    const now = list.map(it => ({ id: it.name, isActive: isActive(it), it }));
    for (const { it } of this.ended('activities', now)) {
      this.tell(it.name, endOfActivity(it, this.trans), it.state === 'failed', this.actionsOf(it));
    }
    for (const activity of list.filter(isActive)) {
      const id = this.own.get(activity.name);
      if (id !== undefined) {
        const message = stepOfActivity(activity, this.trans);
        Notification.update({ id, message, progress: activity.progress });
      }
    }
    this.going = { ...this.going, activities: list.filter(isActive) };
    this.changed.emit();
  }

  private async seeRuns(list: readonly Run[]): Promise<void> {
    const follow = (it: Run): Followed<Run> => ({ id: it.id, isActive: isOn(it), it });
    const now = list.map(follow);
    const lost = lostFrom(this.known.runs, now);
    this.going = { ...this.going, runs: list.filter(isOn) };
    this.changed.emit();
    this.tellRuns(this.ended('runs', now));
    for (const id of lost) {
      const found = await this.session.client.run(id).catch(() => null);
      this.tellRuns(
        this.ended<Followed<Run | null>>('runs', [
          found ? follow(found.run) : { id, isActive: false, it: null }
        ])
      );
    }
  }

  private tellRuns(ended: readonly Followed<Run | null>[]): void {
    for (const { it } of ended) {
      if (it && (this.own.has(it.id) || !(it.parent ?? it.tags[IMPORTED] ?? this.isInFront(it)))) {
        const label = this.trans.__('Open Run');
        const open = (): void => void this.session.run(CommandIDs.open, { kind: 'run', subject: it.id });
        this.tell(it.id, endOfRun(it, this.trans), it.status === 'FAILED', [{ label, callback: open }]);
      }
    }
  }

  private ended<T extends Work>(of: 'activities' | 'runs', now: readonly T[]): readonly T[] {
    const ended = newlyEnded(this.known[of], now);
    this.known[of] = remembered(this.known[of], now);
    return ended;
  }

  /** What was begun here is told of in its own notification, whatever the settings say of others'. */
  private tell(id: string, message: Message, hasFailed: boolean, actions: Notification.IAction[]): void {
    const shown = this.own.get(id);
    const { type, text } = message;
    const options = { actions, autoClose: hasFailed ? (false as const) : SHOWN_MS };
    this.own.delete(id);
    if (shown !== undefined && Notification.manager.has(shown)) {
      // Anew, not updated: the one in progress may be hidden by now, and an update would leave it so.
      Notification.dismiss(shown);
    }
    if (shown !== undefined || isToldOf(this.settings.look().notifications, hasFailed)) {
      Notification.emit(text, type, options);
    }
  }

  private actionsOf(activity: Activity): Notification.IAction[] {
    const service = serviceOfActivity(activity);
    const open = (subject: string, tab?: string): void =>
      void this.session.run(CommandIDs.open, { kind: 'service', subject, ...(tab && { tab }) });
    if (service !== null && activity.state === 'done') {
      return [{ label: this.trans.__('Open Service'), callback: () => open(service) }];
    }
    const show = (): void => void this.session.run(CommandIDs.showSidebar, { section: 'activities' });
    const actions = [{ label: this.trans.__('Show Activities'), callback: show }];
    return service === null
      ? actions
      : [{ label: this.trans.__('Show Log'), callback: () => open(service, 'logs') }, ...actions];
  }
}

function isOn(run: Run): boolean {
  return run.status === 'RUNNING' || run.status === 'SCHEDULED';
}
