/**
 * A server by hand: answers real `fetch` calls of the real `Client` from lists that a spec may change,
 * so that URLs, decoding and refusals are what they are in Lab.
 */

import { ServerConnection } from '@jupyterlab/services';

import { Client } from '../api/client';
import type { Activity, Event, Experiment, Model, Run, Service, Workspace } from '../api/types';
import { workspace } from './records';

export class HandServer {
  workspace: Workspace = workspace();
  experiments: Experiment[] = [];
  runs: Run[] = [];
  models: Model[] = [];
  services: Service[] = [];
  activities: Activity[] = [];
  events: Event[] = [];
  /** Paths with what to answer instead. */
  readonly refuse = new Map<string, () => Response>();
  /** What was asked, without the base URL. */
  readonly asked: string[] = [];

  readonly client = new Client(
    ServerConnection.makeSettings({
      baseUrl: 'http://lab.example/user/x/',
      fetch: (request: RequestInfo | URL) => this.answer(request as Request)
    })
  );

  private answer(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const path = url.pathname.replace('/user/x/mlops/api/', '');
    this.asked.push(path + url.search);
    const refused = this.refuse.get(path);
    if (refused) {
      return Promise.resolve().then(refused);
    }
    const body = path === 'workspace' ? this.workspace : { items: this.list(path, url.searchParams) };
    return Promise.resolve(json(200, body));
  }

  private list(path: string, query: URLSearchParams): readonly unknown[] {
    const limit = Number(query.get('limit') ?? 1000);
    const experiment = query.get('experiment');
    switch (path) {
      case 'experiments':
        return this.experiments;
      case 'runs':
        return this.runs.filter(run => experiment === null || run.experiment === experiment).slice(0, limit);
      case 'models':
        return this.models;
      case 'services':
        return this.services;
      case 'activities':
        return this.activities.slice(0, limit);
      case 'events':
        return this.events.filter(event => event.seq > Number(query.get('after')));
      default:
        throw new Error(`nobody answers ${path}`);
    }
  }
}

export function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });
}
