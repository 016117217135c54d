/** Reads from the server extension, with Jupyter's own token, cookies and base URL. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { API } from '../tokens';
import { refusal, unreachable } from './errors';
import type { Activity, Event, Experiment, Items, Model, Run, Service, Workspace } from './types';

type Query = Readonly<Record<string, string | number | undefined>>;

export class Client {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  workspace(): Promise<Workspace> {
    return this.get<Workspace>('workspace');
  }

  experiments(): Promise<readonly Experiment[]> {
    return this.list<Experiment>('experiments');
  }

  /** Newest first. */
  runs(query: { experiment?: string; limit: number }): Promise<readonly Run[]> {
    return this.list<Run>('runs', query);
  }

  models(): Promise<readonly Model[]> {
    return this.list<Model>('models');
  }

  services(): Promise<readonly Service[]> {
    return this.list<Service>('services');
  }

  activities(limit: number): Promise<readonly Activity[]> {
    return this.list<Activity>('activities', { limit });
  }

  /** Events with a `seq` above `after`, oldest first. */
  events(after: number): Promise<readonly Event[]> {
    return this.list<Event>('events', { after });
  }

  private async list<T>(path: string, query: Query = {}): Promise<readonly T[]> {
    return (await this.get<Items<T>>(path, query)).items;
  }

  private async get<T>(path: string, query: Query = {}): Promise<T> {
    const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
    const search = new URLSearchParams(asked.map(([key, value]) => [key, String(value)])).toString();
    const url = URLExt.join(this.settings.baseUrl, API, path) + (search && `?${search}`);
    let response: Response;
    try {
      // no-cache, unlike Lab's no-store, lets the server answer 304 to what did not change.
      response = await ServerConnection.makeRequest(url, { method: 'GET', cache: 'no-cache' }, this.settings);
    } catch {
      throw unreachable();
    }
    const body = await response.text();
    if (!response.ok) {
      throw refusal(response.status, body);
    }
    try {
      return JSON.parse(body) as T;
    } catch {
      throw refusal(response.status, body); // a proxy's login page answers 200
    }
  }
}
