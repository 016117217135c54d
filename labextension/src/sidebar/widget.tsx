/** Puts the sidebar's content into Lab, and keeps it fresh while it is looked at. */

import { Clipboard } from '@jupyterlab/apputils';
import type { ServiceManager } from '@jupyterlab/services';
import type { IStateDB } from '@jupyterlab/statedb';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { QueryClientProvider } from '@tanstack/react-query';
import type { JSX } from 'react';

import { Changes, readHint } from '../api/changes';
import { Client } from '../api/client';
import { makeQueryClient } from '../api/queries';
import { PLUGIN_ID } from '../tokens';
import type { Folds } from '../tree/model';
import { readFolds } from './model';
import { Sidebar } from './panel';

/** How often the server is asked for what the event bus may have lost. */
const ASK_MS = 30_000;

const FOLDS_KEY = `${PLUGIN_ID}:folds`;

export class SidebarContent extends ReactWidget {
  private readonly queries = makeQueryClient();
  private readonly client: Client;
  private readonly changes: Changes;
  private readonly timer: number;

  private constructor(
    private readonly manager: ServiceManager.IManager,
    private readonly state: IStateDB | null,
    private readonly folds: Folds
  ) {
    super();
    this.addClass('jp-Mlops');
    this.client = new Client(manager.serverSettings);
    this.changes = new Changes(this.queries, this.client);
    manager.events.stream.connect(this.onEmission);
    document.addEventListener('visibilitychange', this.onLook);
    window.addEventListener('focus', this.onReturn);
    window.addEventListener('online', this.onReturn);
    this.timer = window.setInterval(() => void this.changes.catchUp(), ASK_MS);
  }

  static async open(manager: ServiceManager.IManager, state: IStateDB | null): Promise<SidebarContent> {
    return new SidebarContent(manager, state, readFolds(await state?.fetch(FOLDS_KEY)));
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    window.clearInterval(this.timer);
    window.removeEventListener('focus', this.onReturn);
    window.removeEventListener('online', this.onReturn);
    document.removeEventListener('visibilitychange', this.onLook);
    this.manager.events.stream.disconnect(this.onEmission);
    this.changes.dispose();
    this.queries.clear();
    super.dispose();
  }

  protected override render(): JSX.Element {
    return (
      <QueryClientProvider client={this.queries}>
        <Sidebar
          client={this.client}
          folds={this.folds}
          keepFolds={folds => void this.state?.save(FOLDS_KEY, folds)}
          copy={text => Clipboard.copyToSystem(text)}
        />
      </QueryClientProvider>
    );
  }

  protected override onAfterShow(msg: Message): void {
    super.onAfterShow(msg);
    this.onLook();
  }

  protected override onAfterHide(msg: Message): void {
    super.onAfterHide(msg);
    this.onLook();
  }

  private readonly onEmission = (_: unknown, emission: Parameters<typeof readHint>[0]): void => {
    const hint = readHint(emission);
    if (hint) {
      this.changes.hint(hint);
    }
  };

  private readonly onLook = (): void => {
    if (this.isVisible && document.visibilityState === 'visible') {
      this.changes.wake();
    } else {
      this.changes.sleep();
    }
  };

  private readonly onReturn = (): void => {
    void this.changes.catchUp();
  };
}
