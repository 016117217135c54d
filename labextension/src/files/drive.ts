/** A drive of Lab's from which files of snapshots and runs are opened, and to which nothing is written. */

import type { Contents, ServerConnection } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Client } from '../api/client';
import { DRIVE, readPath } from './paths';
import type { Kept } from './paths';

const TEXT = /^(text\/|application\/(json|x-|xml|javascript|sql|toml|yaml))/;

export class KeptDrive implements Contents.IDrive {
  readonly name = DRIVE;
  isDisposed = false;
  private readonly changed = new Signal<this, Contents.IChangedArgs>(this);

  constructor(
    readonly serverSettings: ServerConnection.ISettings,
    private readonly client: () => Promise<Client>,
    private readonly refusal: string
  ) {}

  get fileChanged(): ISignal<this, Contents.IChangedArgs> {
    return this.changed;
  }

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }

  async get(localPath: string, options: Contents.IFetchOptions = {}): Promise<Contents.IModel> {
    const kept = readPath(localPath);
    if (!kept) {
      throw new Error(`${DRIVE}:${localPath}`);
    }
    const type = options.type ?? (localPath.endsWith('.ipynb') ? 'notebook' : 'file');
    const model = { ...described(localPath), type };
    if (options.content === false) {
      return { ...model, content: null, format: null };
    }
    const blob = await fetched(await this.client(), kept);
    const format =
      type === 'notebook' ? 'json' : (options.format ?? (TEXT.test(blob.type) ? 'text' : 'base64'));
    return {
      ...model,
      mimetype: blob.type || model.mimetype,
      size: blob.size,
      format,
      content: await contentOf(blob, format)
    };
  }

  async getDownloadUrl(localPath: string): Promise<string> {
    const kept = readPath(localPath);
    return Promise.resolve(kept ? downloadUrl(this.serverSettings.baseUrl, kept) : '');
  }

  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([]);
  }

  readonly newUntitled = (): Promise<never> => this.refuse();
  readonly delete = (): Promise<never> => this.refuse();
  readonly rename = (): Promise<never> => this.refuse();
  readonly save = (): Promise<never> => this.refuse();
  readonly copy = (): Promise<never> => this.refuse();
  readonly createCheckpoint = (): Promise<never> => this.refuse();
  readonly restoreCheckpoint = (): Promise<never> => this.refuse();
  readonly deleteCheckpoint = (): Promise<never> => this.refuse();

  private refuse(): Promise<never> {
    return Promise.reject(new Error(this.refusal));
  }
}

export function downloadUrl(baseUrl: string, { of, ref, path }: Kept): string {
  const kind = of === 'runs' ? 'artifacts' : 'files';
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return `${baseUrl}mlops/api/${of}/${encodeURIComponent(ref)}/${kind}/${encoded}`;
}

export function fetched(client: Client, { of, ref, path }: Kept): Promise<Blob> {
  return of === 'runs'
    ? client.artifact(ref, path)
    : client.blob('/snapshots/{ref}/files/{path}', { path: { ref, path } });
}

/** Lab writes the time into the tab's tooltip and stumbles over none. It stays the same: what is kept does not change. */
const NO_TIME = new Date().toISOString();

function described(localPath: string): Contents.IModel {
  return {
    name: localPath.slice(localPath.lastIndexOf('/') + 1),
    path: localPath,
    type: 'file',
    writable: false,
    created: NO_TIME,
    last_modified: NO_TIME,
    mimetype: 'text/plain',
    content: null,
    format: null
  };
}

async function contentOf(blob: Blob, format: Contents.FileFormat): Promise<unknown> {
  if (format === 'json') {
    return JSON.parse(await blob.text());
  }
  if (format !== 'base64') {
    return blob.text();
  }
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000) {
    text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  }
  return btoa(text);
}
