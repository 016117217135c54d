/** Asks the server extension, with Jupyter's own token, cookies and base URL. */

import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { API } from '../tokens';
import { refusal, unreachable } from './errors';
import type {
  Action,
  Activity,
  Asked,
  Experiment,
  Method,
  Model,
  PathOf,
  ReplyOf,
  Run,
  RunDetail,
  Service
} from './types';

/** What every operation may be asked with, whatever its own types say. */
interface Loose {
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export class Client {
  constructor(private readonly settings: ServerConnection.ISettings) {}

  get<P extends PathOf<'get'>>(path: P, ...[ask]: Asked<P, 'get'>): Promise<ReplyOf<P, 'get'>> {
    return this.call('get', path, ask as Loose | undefined);
  }

  post<P extends PathOf<'post'>>(path: P, ...[ask]: Asked<P, 'post'>): Promise<ReplyOf<P, 'post'>> {
    return this.call('post', path, ask as Loose | undefined);
  }

  patch<P extends PathOf<'patch'>>(path: P, ...[ask]: Asked<P, 'patch'>): Promise<ReplyOf<P, 'patch'>> {
    return this.call('patch', path, ask as Loose | undefined);
  }

  delete<P extends PathOf<'delete'>>(path: P, ...[ask]: Asked<P, 'delete'>): Promise<ReplyOf<P, 'delete'>> {
    return this.call('delete', path, ask as Loose | undefined);
  }

  /** The address of a GET below the API, as it is told to the server that watches it. */
  address<P extends PathOf<'get'>>(path: P, ...[ask]: Asked<P, 'get'>): string {
    return address(path, (ask as Loose | undefined) ?? {}).slice(1);
  }

  /** A file, from an operation that answers with one. */
  async blob<P extends PathOf<'get'>>(path: P, ...[ask]: Asked<P, 'get'>): Promise<Blob> {
    return (await this.ask('get', path, ask as Loose | undefined)).blob();
  }

  /** Post a body as it is, of any media type; return the answer whatever its status. */
  raw(
    path: PathOf<'post'>,
    { body, media, ...ask }: { readonly body: string | Blob; readonly media: string } & Omit<Loose, 'body'>
  ): Promise<Response> {
    return this.send(API + address(path, ask), {
      method: 'POST',
      body,
      headers: { 'Content-Type': media }
    });
  }

  /** What the server's authorizer lets this person do with the workspace. */
  async permissions(): Promise<readonly Action[]> {
    const wanted = encodeURIComponent(JSON.stringify({ mlops: ['read', 'write', 'execute'] }));
    const response = await this.fetch(`api/me?permissions=${wanted}`, { method: 'GET' });
    const me = (await readJson(response)) as { permissions?: { mlops?: readonly Action[] } };
    return me.permissions?.mlops ?? [];
  }

  async experiments(): Promise<readonly Experiment[]> {
    return (await this.get('/experiments')).items;
  }

  /** Newest first. */
  async runs(query: { experiment?: string; limit: number }): Promise<readonly Run[]> {
    return (await this.get('/runs', { query })).items;
  }

  run(ref: string): Promise<RunDetail> {
    return this.get('/runs/{ref}', { path: { ref } });
  }

  /** A file that a run stored. */
  artifact(ref: string, path: string): Promise<Blob> {
    return this.blob('/runs/{ref}/artifacts/{path}', { path: { ref, path } });
  }

  async models(): Promise<readonly Model[]> {
    return (await this.get('/models')).items;
  }

  async services(): Promise<readonly Service[]> {
    return (await this.get('/services')).items;
  }

  async activities(limit: number): Promise<readonly Activity[]> {
    return (await this.get('/activities', { query: { limit } })).items;
  }

  private async call<P extends PathOf<M>, M extends Method>(
    method: M,
    path: P,
    ask?: Loose
  ): Promise<ReplyOf<P, M>> {
    const response = await this.ask(method, path, ask);
    return (response.status === 204 ? undefined : await readJson(response)) as ReplyOf<P, M>;
  }

  private ask(method: Method, path: string, ask: Loose = {}): Promise<Response> {
    // With Lab's own no-store it would add the time to each address; answers say themselves that they are not to be kept.
    const init: RequestInit = { method: method.toUpperCase(), cache: 'no-cache' };
    if (ask.signal) {
      init.signal = ask.signal;
    }
    if (ask.body !== undefined) {
      init.body = JSON.stringify(ask.body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    return this.fetch(API + address(path, ask), init);
  }

  private async fetch(path: string, init: RequestInit): Promise<Response> {
    const response = await this.send(path, init);
    if (!response.ok) {
      throw refusal(response.status, await response.text());
    }
    return response;
  }

  private async send(path: string, init: RequestInit): Promise<Response> {
    const url = URLExt.join(this.settings.baseUrl, path);
    try {
      return await ServerConnection.makeRequest(url, init, this.settings);
    } catch (error) {
      if (init.signal?.aborted) {
        throw error; // TanStack Query knows that it gave up itself
      }
      throw unreachable();
    }
  }
}

/** Fill a path's parameters in: `{path}` may hold slashes, the others not. */
function address(template: string, { path = {}, query = {} }: Loose): string {
  const filled = template.replace(/{(\w+)}/g, (_, name: string) => {
    const value = String(path[name]);
    return name === 'path' ? value.split('/').map(encodeURIComponent).join('/') : encodeURIComponent(value);
  });
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null) {
      search.append(name, String(value));
    }
  }
  const asked = search.toString();
  return asked ? `${filled}?${asked}` : filled;
}

async function readJson(response: Response): Promise<unknown> {
  const body = await response.text();
  try {
    return JSON.parse(body);
  } catch {
    throw refusal(response.status, body); // a proxy's login page answers 200
  }
}
