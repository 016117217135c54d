/** A Lumino widget that draws React content with the session, and tells the session whether it is looked at. */

import type { JSX } from 'react';

import { SessionProvider } from './context';
import { SeenWidget } from './seen';
import type { Session } from './session';

export abstract class SessionWidget extends SeenWidget {
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

  protected override onSeen(): void {
    this.session.look(this, this.isSeen);
    this.update();
  }
}
