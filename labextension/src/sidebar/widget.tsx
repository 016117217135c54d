/** Puts the sidebar's content into Lab. */

import { Clipboard } from '@jupyterlab/apputils';
import type { JSX } from 'react';

import '../../style/sidebar.css';
import '../../style/sidebarmetrics.css';
import '../../style/ui.css';
import type { Session } from '../api/session';
import { SessionWidget } from '../api/widget';
import { readChosen } from '../runs/model';
import type { Chosen } from '../runs/model';
import { PLUGIN_ID } from '../tokens';
import type { Folds } from '../tree/model';
import { readFolds, SECTIONS } from './model';
import { Sidebar } from './panel';
import type { Revealed } from './panel';

const FOLDS_KEY = `${PLUGIN_ID}:folds`;
const METRICS_KEY = `${PLUGIN_ID}:metrics`;

type ByWorkspace = Readonly<Record<string, Chosen>>;

export class SidebarContent extends SessionWidget {
  private revealed: Revealed | null = null;

  private constructor(
    session: Session,
    private readonly folds: Folds,
    private chosen: ByWorkspace
  ) {
    super(session);
  }

  static async open(session: Session): Promise<SidebarContent> {
    const { state } = session.lab;
    const [folds, chosen] = await Promise.all([state?.fetch(FOLDS_KEY), state?.fetch(METRICS_KEY)]);
    const entries = Object.entries(typeof chosen === 'object' && chosen !== null ? chosen : {});
    const read = Object.fromEntries(entries.map(([id, one]) => [id, readChosen(one)]));
    return new SidebarContent(session, readFolds(folds), read);
  }

  /** Unfold a section and bring it into view. */
  reveal(section: string): void {
    const known = SECTIONS.find(one => one === section);
    if (known) {
      this.revealed = { section: known };
      this.update();
    }
  }

  /** Focus the row that is the tree's tab stop: as soon as there is one, unless the focus has gone elsewhere by then. */
  focus(): void {
    const before = document.activeElement;
    const take = (): boolean => {
      const row = this.node.querySelector<HTMLElement>('[role="treeitem"][tabindex="0"]');
      if (row && document.activeElement === before) {
        row.focus({ preventScroll: true });
      }
      return row !== null;
    };
    if (!take()) {
      const observer = new MutationObserver(() => {
        if (take()) {
          observer.disconnect();
        }
      });
      observer.observe(this.node, { childList: true, subtree: true });
    }
  }

  protected override content(): JSX.Element {
    const { state } = this.session.lab;
    return (
      <Sidebar
        folds={this.folds}
        revealed={this.revealed}
        keepFolds={folds => void state?.save(FOLDS_KEY, folds)}
        chosen={this.chosen}
        keepChosen={(workspace, chosen) => {
          this.chosen = { ...this.chosen, [workspace]: chosen };
          void state?.save(METRICS_KEY, this.chosen as never);
        }}
        copy={copy}
      />
    );
  }
}

function copy(text: string): void {
  Clipboard.copyToSystem(text);
}
