/** Links that open a thing in another person's Lab on the same workspace: `lab?mlops=run:0123`. */

import type { Kind, OpenArgs } from '../commands';

const PARAMETER = 'mlops';
const KINDS: readonly string[] = ['run', 'compare', 'experiment', 'model', 'service'] satisfies Kind[];

/** What the router looks for in an address. */
export const PATTERN = /[?&]mlops=/;

/** Read what a link (or only its query) opens, or null. */
export function readLink(link: string): OpenArgs | null {
  const at = link.indexOf('?');
  const wanted = new URLSearchParams(at < 0 ? '' : link.slice(at).replace(/#.*$/, '')).get(PARAMETER);
  const [, kind = '', subject = ''] = /^([a-z]+):(.*)$/s.exec(wanted ?? '') ?? [];
  return KINDS.includes(kind) && (subject || kind === 'experiment') ? { kind: kind as Kind, subject } : null;
}

/** The address without what a link asked for, as it stays in the address bar. */
export function withoutLink(address: string): string {
  const [path = '', query = ''] = address.split('?', 2);
  const search = new URLSearchParams(query);
  search.delete(PARAMETER);
  const rest = search.toString();
  return rest ? `${path}?${rest}` : path;
}

/**
 * Return a link. Behind a hub it goes by `user-redirect`, so that it opens in the server of whoever follows it;
 * `page` is where Lab's or Notebook's own page is, below the base URL.
 */
export function makeLink(
  { kind, subject }: OpenArgs,
  { origin, baseUrl, hubPrefix, page }: { origin: string; baseUrl: string; hubPrefix: string; page: string }
): string {
  const root = hubPrefix ? `${hubPrefix.replace(/\/$/, '')}/user-redirect/` : baseUrl;
  return `${new URL(root + page, origin).href}?${new URLSearchParams({ [PARAMETER]: `${kind}:${subject}` })}`;
}
