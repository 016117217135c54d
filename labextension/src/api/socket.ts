/**
 * The socket on which the server extension tells of changes. Not Jupyter's own event socket: that one wants the right
 * to execute, and does not say when it was away, so that what it lost could only be found by asking all the time.
 */

import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';

import { API } from '../tokens';
import { readHint } from './changes';
import type { Hint } from './changes';

const FIRST_TRY_MS = 500;
const LAST_TRY_MS = 5000;
/** The server says something every 10 s: one that says nothing for so long is not at the other end any more. */
const SILENT_MS = 25_000;

/** A socket that was told nothing watches nothing. */
const NOTHING = JSON.stringify({ watch: [] });

export interface Ear {
  readonly onHint: (hint: Hint) => void;
  /** Of what is watched: how it is, or undefined where the server could not look. */
  readonly onWatched: (address: string, answer: unknown) => void;
  /** It is open, for the first time or again: what happened before was not heard. */
  readonly onOpen: () => void;
  /** It was cut, or closed. */
  readonly onCut: () => void;
  /** It was cut, and could not be opened again at once. */
  readonly onLost: () => void;
}

export class Socket {
  private socket: WebSocket | null = null;
  /** Until the next try, or while there is a socket until it has been silent for too long. */
  private timer: ReturnType<typeof setTimeout> | null = null;
  private isWanted = false;
  /** What is to be watched, and what this socket was told last. */
  private watched: readonly string[] = [];
  private told = NOTHING;
  private nTries = 0;
  private triedMs = 0;
  private isOpen = false;

  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly ear: Ear
  ) {}

  /** Be open from now on. */
  open(): void {
    if (!this.isWanted) {
      this.isWanted = true;
      this.connect();
    }
  }

  /** Be closed until it is opened. */
  close(): void {
    this.isWanted = false;
    this.nTries = 0;
    this.drop();
  }

  /** Watch these from now on, also on a socket that is opened later, and nothing else. */
  watch(addresses: readonly string[]): void {
    this.watched = addresses;
    const message = JSON.stringify({ watch: addresses });
    if (this.isOpen && message !== this.told) {
      this.told = message;
      this.socket?.send(message);
    }
  }

  /** The server answers, or may again: if the socket is not open, try now. */
  hurry(): void {
    if (this.isWanted && this.socket === null && Date.now() - this.triedMs > FIRST_TRY_MS) {
      this.connect();
    }
  }

  /** The network is not what it was: an open socket may be dead without having noticed. */
  renew(): void {
    if (this.isWanted) {
      this.connect();
    }
  }

  private connect(): void {
    this.drop();
    this.triedMs = Date.now();
    const { appendToken, token, wsUrl } = this.settings;
    const query = appendToken && token ? `?token=${encodeURIComponent(token)}` : '';
    const socket = new this.settings.WebSocket(URLExt.join(wsUrl, API, 'hints') + query);
    this.socket = socket;
    this.guard();
    socket.onopen = () => {
      this.nTries = 0;
      this.isOpen = true;
      this.told = NOTHING;
      this.guard();
      this.watch(this.watched);
      this.ear.onOpen();
    };
    socket.onmessage = ({ data }) => {
      this.guard();
      this.hear(JSON.parse(String(data)) as Record<string, unknown>);
    };
    socket.onclose = () => {
      this.socket = null;
      this.shut();
      this.later();
    };
  }

  private hear(message: Readonly<Record<string, unknown>>): void {
    const { watched, answer } = message;
    const hint = readHint(message);
    if (typeof watched === 'string') {
      this.ear.onWatched(watched, answer);
    } else if (hint) {
      this.ear.onHint(hint);
    }
  }

  private shut(): void {
    if (this.isOpen) {
      this.isOpen = false;
      this.ear.onCut();
    }
  }

  private guard(): void {
    this.stop();
    this.timer = setTimeout(() => {
      this.drop();
      this.later();
    }, SILENT_MS);
  }

  private later(): void {
    this.stop();
    this.nTries += 1;
    if (this.nTries === 2) {
      this.ear.onLost();
    }
    const waitMs = Math.min(FIRST_TRY_MS * 2 ** (this.nTries - 1), LAST_TRY_MS);
    this.timer = setTimeout(() => this.connect(), waitMs);
  }

  private stop(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private drop(): void {
    this.stop();
    if (this.socket !== null) {
      this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
      this.socket.close();
      this.socket = null;
    }
    this.shut();
  }
}
