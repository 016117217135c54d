/** Puts a card into an output of a notebook, and asks the server for news of a run that is going on. */

import { Clipboard } from '@jupyterlab/apputils';
import { MimeModel } from '@jupyterlab/rendermime';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import { useEffect, useRef } from 'react';
import type { JSX } from 'react';

import { readHint } from '../api/changes';
import type { Hint } from '../api/changes';
import { Client } from '../api/client';
import { SeenWidget } from '../api/seen';
import type { Session } from '../api/session';
import type { IMlops } from '../tokens';
import { withNews } from './model';
import type { Card } from './model';
import { RunCard } from './panel';

/** How long hints are gathered before the server is asked. */
const ASK_MS = 1000;

export class CardView extends SeenWidget {
  private card: Card | null = null;
  private nSet = 0;
  private isConfirmed = false;
  private timer: number | null = null;
  private session: Session | null = null;
  private readonly client: Client;

  constructor(
    private readonly manager: ServiceManager.IManager,
    private readonly rendermime: IRenderMimeRegistry,
    mlops: IMlops | null
  ) {
    super();
    this.client = new Client(manager.serverSettings);
    void this.listen(mlops);
  }

  /** Show a card; the kernel sends one about once a second while its cell runs. */
  set(card: Card): void {
    this.card = card;
    this.nSet += 1;
    this.update();
    this.look();
    if (card.status === 'RUNNING' && this.nSet === 1) {
      void this.ask(); // the notebook may have been saved long ago
    }
  }

  override dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.manager.events.stream.disconnect(this.onEmission);
    this.session?.hinted.disconnect(this.onHint);
    this.session?.look(this, false);
    if (this.timer !== null) {
      window.clearTimeout(this.timer);
    }
    super.dispose();
  }

  protected override render(): JSX.Element | null {
    if (this.card === null) {
      return null;
    }
    return (
      <RunCard
        card={this.card}
        isLive={this.nSet > 1 || this.isConfirmed}
        copy={text => Clipboard.copyToSystem(text)}
        load={path => this.load(path)}
        notes={this.card.notes && <Notes text={this.card.notes} rendermime={this.rendermime} />}
      />
    );
  }

  protected override onSeen(): void {
    this.look();
  }

  /** Hear of changes: on the page's own socket, which is for all who may read; without it on Jupyter's, for those who may execute. */
  private async listen(mlops: IMlops | null): Promise<void> {
    const session = await mlops?.session().catch(() => null);
    if (this.isDisposed) {
      return;
    }
    if (session) {
      this.session = session;
      session.hinted.connect(this.onHint);
      this.look();
    } else {
      this.manager.events.stream.connect(this.onEmission);
    }
  }

  /** The socket is open for a run that goes on and that somebody looks at. */
  private look(): void {
    this.session?.look(this, this.isSeen && this.card?.status === 'RUNNING');
  }

  private readonly onEmission = (_: unknown, emission: Parameters<typeof readHint>[0]): void => {
    const hint = readHint(emission);
    if (hint) {
      this.onHint(null, hint);
    }
  };

  private readonly onHint = (_: unknown, hint: Hint | null): void => {
    const card = this.card;
    if (card?.status !== 'RUNNING' || (hint && hint.workspace !== card.workspace)) {
      return;
    }
    const isMine =
      !hint ||
      ((hint.kind === 'run' || hint.kind === 'workspace') && (hint.name === '' || hint.name === card.id));
    if (isMine && this.timer === null) {
      this.timer = window.setTimeout(() => {
        this.timer = null;
        void this.ask();
      }, ASK_MS);
    }
  };

  private async ask(): Promise<void> {
    const asked = this.nSet;
    try {
      const { run } = await this.client.run(this.card?.id ?? '');
      // What the kernel sent meanwhile is newer, and so is the card of another run.
      if (this.card?.id === run.id && this.card.status === 'RUNNING' && asked === this.nSet) {
        this.isConfirmed = true;
        this.card = withNews(this.card, run);
        this.update();
        this.look(); // it may have ended
      }
    } catch {
      // No server extension, or one with another workspace: the card shows what it has.
    }
  }

  private async load(path: string): Promise<string | null> {
    try {
      return URL.createObjectURL(await this.client.artifact(this.card?.id ?? '', path));
    } catch {
      return null;
    }
  }
}

/** Markdown drawn by Lab as that of an untrusted notebook: sanitised. */
function Notes(props: { readonly text: string; readonly rendermime: IRenderMimeRegistry }): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const { text, rendermime } = props;
  useEffect(() => {
    const renderer = rendermime.createRenderer('text/markdown');
    host.current?.replaceChildren(renderer.node);
    void renderer.renderModel(new MimeModel({ data: { 'text/markdown': text }, trusted: false }));
    return () => renderer.dispose();
  }, [text, rendermime]);
  return <div ref={host} className="jp-Mlops-cardNotes" />;
}
