/** A Lumino widget that draws React content with the session, and tells the session whether it is looked at. */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { JSX } from 'react';

import { SessionProvider } from './context';
import type { Session } from './session';

export abstract class SessionWidget extends ReactWidget {
  private isSeen = false;

  constructor(protected readonly session: Session) {
    super();
    this.addClass('jp-Mlops');
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.session.look(this, false);
    }
    super.dispose();
  }

  protected abstract content(): JSX.Element;

  protected override render(): JSX.Element {
    return (
      <SessionProvider session={this.session} visible={this.isSeen}>
        {this.content()}
      </SessionProvider>
    );
  }

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.look();
  }

  protected override onBeforeDetach(msg: Message): void {
    this.look(false);
    super.onBeforeDetach(msg);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.look();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.look(false);
  }

  private look(isSeen = this.isVisible): void {
    if (isSeen !== this.isSeen) {
      this.isSeen = isSeen;
      this.session.look(this, isSeen);
      this.update();
    }
  }
}
