/** A Lumino widget of React content that knows whether it is to be seen. */

import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';

export abstract class SeenWidget extends ReactWidget {
  private seen = false;

  /** Whether it is attached, and neither it nor what holds it is hidden. */
  protected get isSeen(): boolean {
    return this.seen;
  }

  /** It came into sight, or went out of it. */
  protected abstract onSeen(): void;

  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.see(this.isVisible);
  }

  protected override onBeforeDetach(msg: Message): void {
    this.see(false);
    super.onBeforeDetach(msg);
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.see(this.isVisible);
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.see(false);
  }

  private see(isSeen: boolean): void {
    if (isSeen !== this.seen) {
      this.seen = isSeen;
      this.onSeen();
    }
  }
}
