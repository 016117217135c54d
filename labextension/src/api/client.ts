/** Reads from the server extension, with Jupyter's own token, cookies and base URL. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { API } from '../tokens';
import { refusal, unreachable } from './errors';
import type {
  Activity,
  Address,
  Event,
  Experiment,
  Model,
  QueryOf,
  ReplyOf,
  Run,
  Service,
  Workspace
} from './types';

export class Client {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  workspace(): Promise<Workspace> {
    return this.get('/workspace');
  }

  async experiments(): Promise<readonly Experiment[]> {
    return (await this.get('/experiments')).items;
  }

  /** Newest first. */
  async runs(query: { experiment?: string; limit: number }): Promise<readonly Run[]> {
    return (await this.get('/runs', query)).items;
  }

  async models(): Promise<readonly Model[]> {
    return (await this.get('/models')).items;
  }

  async services(): Promise<readonly Service[]> {
    return (await this.get('/services')).items;
  }

  async activities(limit: number): Promise<readonly Activity[]> {
    return (await this.get('/activities', { limit })).items;
  }

  /** Events with a `seq` above `after`, oldest first. */
  async events(after: number): Promise<readonly Event[]> {
    return (await this.get('/events', { after })).items;
  }

  private async get<P extends Address>(path: P, query?: QueryOf<P>): Promise<ReplyOf<P>> {
    const asked = Object.entries(query ?? {}).map(([key, value]) => [key, String(value)]);
    const search = new URLSearchParams(asked).toString();
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
      return JSON.parse(body) as ReplyOf<P>;
    } catch {
      throw refusal(response.status, body); // a proxy's login page answers 200
    }
  }
}
