/**
 * A server by hand: answers real `fetch` calls of the real `Client` from lists that a spec may change,
 * so that URLs, decoding and refusals are what they are in Lab.
 */

import { ServerConnection } from '@jupyterlab/services';

import { Client } from '../api/client';
import type { Activity, Experiment, Model, Run, Service, Workspace } from '../api/types';
import { workspace } from './records';

export class HandServer {
  workspace: Workspace = workspace();
  experiments: Experiment[] = [];
  runs: Run[] = [];
  /** How many runs are below those that have any. */
  nChildren: Record<string, number> = {};
  models: Model[] = [];
  services: Service[] = [];
  activities: Activity[] = [];
  /** Paths with what to answer instead. */
  readonly refuse = new Map<string, () => Response>();
  /** What was asked, without the base URL. */
  readonly asked: string[] = [];

  /** Methods and paths (`POST runs/r1/cancel`) with what to answer; `GET` may be left out. The body is read for you. */
  readonly answers = new Map<string, (body: unknown, query: URLSearchParams) => unknown>();
  /** What was sent with methods other than GET: `[method and path, body]`. */
  readonly sent: (readonly [string, unknown])[] = [];
  permissions: readonly string[] = ['read', 'write', 'execute'];

  /** The sockets that were opened, the last one last. */
  readonly sockets: HandSocket[] = [];

  readonly settings = ServerConnection.makeSettings({
    baseUrl: 'http://lab.example/user/x/',
    WebSocket: socketsOf(this) as unknown as typeof WebSocket,
    fetch: (request: RequestInfo | URL) => this.answer(request as Request)
  });

  readonly client = new Client(this.settings);

  private async answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname === '/user/x/api/me') {
      return json(200, { permissions: { mlops: this.permissions } });
    }
    const path = decodeURIComponent(url.pathname.replace('/user/x/mlops/api/', ''));
    const isGet = request.method === 'GET';
    const text = isGet ? '' : await request.text();
    const isJson = request.headers.get('content-type') === 'application/json';
    const sent: unknown = text && isJson ? JSON.parse(text) : text || undefined;
    if (isGet) {
      this.asked.push(path + url.search);
    } else {
      this.sent.push([`${request.method} ${path}`, sent]);
    }
    const refused = this.refuse.get(path);
    if (refused) {
      return Promise.resolve().then(refused);
    }
    const answer = this.answers.get(isGet ? path : `${request.method} ${path}`);
    if (answer) {
      const reply = answer(sent, url.searchParams);
      return reply === undefined ? new Response(null, { status: 204 }) : json(200, reply);
    }
    const body =
      path === 'workspace'
        ? this.workspace
        : { items: this.list(path, url.searchParams), n_children: this.nChildren };
    return json(200, body);
  }

  private list(path: string, query: URLSearchParams): readonly unknown[] {
    const limit = Number(query.get('limit') ?? 1000);
    const skip = Number(query.get('skip') ?? 0);
    const experiment = query.get('experiment');
    switch (path) {
      case 'experiments':
        return this.experiments;
      case 'runs':
        return this.runs
          .filter(run => experiment === null || run.experiment === experiment)
          .filter(run => query.get('roots') === null || run.parent === null)
          .filter(
            run =>
              !query.get('where')?.startsWith('parent =') || `parent = '${run.parent}'` === query.get('where')
          )
          .slice(skip, skip + limit);
      case 'models':
        return this.models;
      case 'services':
        return this.services;
      case 'activities':
        return this.activities.slice(0, limit);
      case 'sparklines':
        return [];
      default:
        throw new Error(`nobody answers ${path}`);
    }
  }
}

/** A socket that does what a spec says. */
export class HandSocket {
  readyState: number = WebSocket.CONNECTING;
  onopen: (() => void) | null = null;
  onclose: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;

  /** What the page said. */
  readonly sent: unknown[] = [];

  constructor(readonly url: string) {}

  send(message: string): void {
    this.sent.push(JSON.parse(message));
  }

  accept(): void {
    this.readyState = WebSocket.OPEN;
    this.onopen?.();
  }

  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }

  /** Of the page: it hears no more of it. Of the server, as a spec plays it: `cut`. */
  close(): void {
    this.readyState = WebSocket.CLOSED;
  }

  cut(): void {
    this.readyState = WebSocket.CLOSED;
    this.onclose?.();
  }
}

function socketsOf(server: HandServer): typeof HandSocket {
  return class extends HandSocket {
    constructor(url: string) {
      super(url);
      server.sockets.push(this);
    }
  };
}

export function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}
