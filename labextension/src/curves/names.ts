/** Names of metrics as addresses hold them. */

import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * Return a name as it is asked for: one with a comma, which stands between names, or longer than its digest would be,
 * by that. A hundred of them then fit into what proxies take for an address.
 */
export function addressable(name: string): string {
  const written = new URLSearchParams([['', name]]).toString();
  const digest = 'sha256:'.length + 64;
  return written.length > digest || name.includes(',') || name.startsWith('sha256:')
    ? `sha256:${digestOf(name)}`
    : name;
}

/** Browsers have the digest for pages of HTTPS alone, and many a Lab is served without. */
function digestOf(name: string): string {
  return bytesToHex(sha256(utf8ToBytes(name)));
}
