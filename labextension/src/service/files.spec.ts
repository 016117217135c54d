import { describe, expect, it } from 'vitest';

import { editedAs, mediaOf, picturesIn } from './files';

describe('a file', () => {
  it('is sent as what its name says, pictures as the browser knows them, and anything else as bytes', () => {
    const medias = ['a.JSON', 'b.csv', 'c.arrow', 'd.arrows', 'e.txt', 'f'].map(name =>
      mediaOf({ name, type: 'text/plain' })
    );
    const arrow = 'application/vnd.apache.arrow.stream';
    const bytes = 'application/octet-stream';
    expect(medias).toEqual(['application/json', 'text/csv', arrow, arrow, bytes, bytes]);
    expect(mediaOf({ name: 'cat.jpeg', type: 'image/jpeg' })).toBe('image/jpeg');
  });

  it('is edited where it is a short text', () => {
    expect(editedAs({ name: 'a.csv', type: '', size: 10 })).toBe('text/csv');
    expect(editedAs({ name: 'a.csv', type: '', size: 10_000_000 })).toBeNull();
    expect(editedAs({ name: 'a.arrow', type: '', size: 10 })).toBeNull();
  });
});

it('pictures are found in JSON wherever they are, and nothing else is taken for one', () => {
  const jpeg = `/9j/${'A'.repeat(100)}`;
  expect(picturesIn(JSON.stringify({ predictions: [{ b64: jpeg, label: 'cat' }, 3, null] }))).toEqual([
    { path: 'predictions.0.b64', url: `data:image/jpeg;base64,${jpeg}` }
  ]);
  expect(picturesIn(JSON.stringify([`/9j/${'<b>'.repeat(40)}`, '/9j/short']))).toEqual([]);
  expect(picturesIn(`"${jpeg}`)).toEqual([]);
});
