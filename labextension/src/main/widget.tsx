/** A widget of the main area: a kind, a subject, and the view that draws it. */

import '../../style/ui.css';

import { Signal } from '@lumino/signaling';
import { Suspense } from 'react';
import type { JSX } from 'react';

import type { Session } from '../api/session';
import { SessionWidget } from '../api/widget';
import type { Kind, OpenArgs } from '../commands';
import { clip } from '../common/format';
import { lazily } from '../common/lazily';
import { Busy } from '../common/ui/states';
import { Reach } from '../common/ui/told';
import { Placed } from '../workspace/panel';
import { keepFocus } from './focus';
import { Guard } from './guard';
import { ICONS } from './icons';
import { VIEWS } from './views';
import type { Asked, View } from './views';

/** Of a tab's text. */
const MOST_LETTERS = 60;

const LOADED: Readonly<Record<Kind, View>> = {
  run: loaded('run'),
  compare: loaded('compare'),
  experiment: loaded('experiment'),
  model: loaded('model'),
  service: loaded('service')
};

function loaded(kind: Kind): View {
  return lazily(async () => (await VIEWS[kind]()).View);
}

export class MainContent extends SessionWidget {
  /** The view shows something else than it was opened with. */
  readonly argsChanged = new Signal<this, OpenArgs>(this);
  private now: OpenArgs;
  private asked: Asked | null = null;

  constructor(
    session: Session,
    private readonly opened: OpenArgs
  ) {
    super(session);
    this.now = opened;
    this.addClass('jp-Mlops-main');
    this.addClass(`jp-mod-${opened.kind}`);
    this.title.icon = ICONS[opened.kind];
    this.title.closable = true;
    this.title.label = clip(shortName(opened, session), MOST_LETTERS);
    this.disposed.connect(keepFocus(this.node));
  }

  /** What the view shows. */
  get args(): OpenArgs {
    return this.now;
  }

  showTab(tab: string): void {
    this.asked = { tab };
    this.update();
  }

  protected override content(): JSX.Element {
    const { kind, subject } = this.opened;
    const View = LOADED[kind];
    const trans = this.session.lab.trans;
    return (
      <Guard trans={trans}>
        <Suspense fallback={<Busy label={trans.__('Loading')} />}>
          <Reach>
            <Placed>
              <View
                subject={subject}
                asked={this.asked}
                setTitle={this.setTitle}
                setSubject={this.setSubject}
              />
            </Placed>
          </Reach>
        </Suspense>
      </Guard>
    );
  }

  private readonly setTitle = (label: string, caption = label): void => {
    if (!this.isDisposed) {
      // Lab's status bar writes it out, too; and a name of 10,000 characters is no text for a tooltip.
      this.title.label = clip(label, MOST_LETTERS);
      this.title.caption = clip(caption, 500);
    }
  };

  private readonly setSubject = (subject: string): void => {
    if (!this.isDisposed && subject !== this.now.subject) {
      this.now = { ...this.now, subject };
      this.argsChanged.emit(this.now);
    }
  };
}

function shortName({ kind, subject }: OpenArgs, { lab: { trans } }: Session): string {
  switch (kind) {
    case 'compare':
      return trans.__('Comparison');
    case 'experiment':
      return subject || trans.__('All runs');
    default:
      return subject;
  }
}
