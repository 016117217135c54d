/** Puts the sidebar's content into Lab. */

import { Clipboard } from '@jupyterlab/apputils';
import type { JSX } from 'react';

import type { Session } from '../api/session';
import { SessionWidget } from '../api/widget';
import { PLUGIN_ID } from '../tokens';
import type { Folds } from '../tree/model';
import { readFolds } from './model';
import { Sidebar } from './panel';

const FOLDS_KEY = `${PLUGIN_ID}:folds`;

export class SidebarContent extends SessionWidget {
  private constructor(
    session: Session,
    private readonly folds: Folds
  ) {
    super(session);
  }

  static async open(session: Session): Promise<SidebarContent> {
    return new SidebarContent(session, readFolds(await session.lab.state?.fetch(FOLDS_KEY)));
  }

  protected override content(): JSX.Element {
    return (
      <Sidebar
        client={this.session.client}
        folds={this.folds}
        keepFolds={folds => void this.session.lab.state?.save(FOLDS_KEY, folds)}
        copy={text => Clipboard.copyToSystem(text)}
      />
    );
  }
}
