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
  RunDetail,
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

  run(id: string): Promise<RunDetail> {
    return this.read<RunDetail>(`/runs/${encodeURIComponent(id)}`);
  }

  /** A file that a run stored. */
  async artifact(id: string, path: string): Promise<Blob> {
    const parts = path.split('/').map(encodeURIComponent).join('/');
    return (await this.ask(`/runs/${encodeURIComponent(id)}/artifacts/${parts}`)).blob();
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

  private get<P extends Address>(path: P, query?: QueryOf<P>): Promise<ReplyOf<P>> {
    const asked = Object.entries(query ?? {}).map(([key, value]) => [key, String(value)]);
    const search = new URLSearchParams(asked).toString();
    return this.read<ReplyOf<P>>(path + (search && `?${search}`));
  }

  private async read<R>(address: string): Promise<R> {
    const response = await this.ask(address);
    const body = await response.text();
    try {
      return JSON.parse(body) as R;
    } catch {
      throw refusal(response.status, body); // a proxy's login page answers 200
    }
  }

  private async ask(address: string): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, API) + address;
    let response: Response;
    try {
      // no-cache, unlike Lab's no-store, lets the server answer 304 to what did not change.
      response = await ServerConnection.makeRequest(url, { method: 'GET', cache: 'no-cache' }, this.settings);
    } catch {
      throw unreachable();
    }
    if (!response.ok) {
      throw refusal(response.status, await response.text());
    }
    return response;
  }
}
