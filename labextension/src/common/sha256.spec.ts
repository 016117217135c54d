import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { addressable } from '../curves/names';
import { sha256 } from './sha256';

const digest = (text: string): string => createHash('sha256').update(text, 'utf8').digest('hex');

describe('the digest of a text', () => {
  it.each(['', 'abc', '정확도'.repeat(4000), ...[55, 56, 63, 64, 65].map(n => 'a'.repeat(n))])(
    'is that which everybody else finds (%#)',
    text => {
      expect(sha256(text)).toBe(digest(text));
    }
  );

  it('stands for a name in an address that is longer, has a comma or looks like one', () => {
    expect(addressable('val/auc 1')).toBe('val/auc 1');
    for (const name of ['정확도'.repeat(3000), 'a,b', 'sha256:a']) {
      expect(addressable(name)).toBe(`sha256:${digest(name)}`);
    }
  });
});
