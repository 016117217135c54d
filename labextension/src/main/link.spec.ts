import { describe, expect, it } from 'vitest';

import { makeLink, readLink, withoutLink } from './link';

const HERE = { origin: 'https://lab.example', baseUrl: '/user/ada/', hubPrefix: '', page: 'lab' };

describe('a link', () => {
  it.each([
    { kind: 'run', subject: '0123abcd' },
    { kind: 'compare', subject: 'r1,r2' },
    { kind: 'experiment', subject: '' },
    { kind: 'model', subject: '모델 & co?#=%:3' }
  ] as const)('to $kind $subject says what it opens', args => {
    expect(readLink(makeLink(args, HERE))).toEqual(args);
  });

  it('is below the base URL', () => {
    expect(makeLink({ kind: 'run', subject: 'r1' }, HERE)).toBe(
      'https://lab.example/user/ada/lab?mlops=run%3Ar1'
    );
  });

  it('behind a hub opens in the server of whoever follows it', () => {
    expect(makeLink({ kind: 'run', subject: 'r1' }, { ...HERE, hubPrefix: '/hub/' })).toBe(
      'https://lab.example/hub/user-redirect/lab?mlops=run%3Ar1'
    );
  });

  it.each(['?mlops=', '?mlops=run:', '?mlops=cake:1', '?reset', '', '/lab'])('%s opens nothing', link => {
    expect(readLink(link)).toBeNull();
  });

  it('is taken out of the address bar, and nothing else', () => {
    expect(withoutLink('/lab?mlops=run%3Ar1&reset=')).toBe('/lab?reset=');
    expect(withoutLink('/lab?mlops=run%3Ar1')).toBe('/lab');
  });
});
