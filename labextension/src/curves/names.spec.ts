import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';

import { addressable } from './names';

it('a digest stands for a name in an address that is longer, has a comma or looks like one', () => {
  expect(addressable('val/auc 1')).toBe('val/auc 1');
  for (const name of ['정확도'.repeat(3000), 'a,b', 'sha256:a']) {
    expect(addressable(name)).toBe(`sha256:${createHash('sha256').update(name, 'utf8').digest('hex')}`);
  }
});
