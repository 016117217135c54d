/** Files as bodies of requests: what they are sent as; and the pictures in an answer. */

import { MEDIA } from './trying';
import type { Media } from './trying';

const ARROW = 'application/vnd.apache.arrow.stream';
const BYTES = 'application/octet-stream';

const BY_ENDING: Readonly<Record<string, string>> = {
  json: 'application/json',
  csv: 'text/csv',
  arrow: ARROW,
  arrows: ARROW
};

/** What a file is sent as: by the ending of its name, else as the browser knows it, where a service may read it. */
export function mediaOf({ name, type }: Pick<File, 'name' | 'type'>): string {
  const ending = /\.([^.]+)$/.exec(name)?.[1]?.toLowerCase() ?? '';
  return BY_ENDING[ending] ?? (type.startsWith('image/') ? type : BYTES);
}

/** A file longer than this is sent as it is: an editor is for what a person reads. */
const MOST_EDITED_BYTES = 500_000;

/** As which media type a file's text goes into the editor; null for a file that is sent as it is. */
export function editedAs(file: Pick<File, 'name' | 'type' | 'size'>): Media | null {
  const media = mediaOf(file);
  return file.size <= MOST_EDITED_BYTES ? (MEDIA.find(one => one === media) ?? null) : null;
}

/** Whether it is neither a table nor JSON, but one value of a model that takes such. */
export function isBytes(media: string): boolean {
  return media === BYTES || media.startsWith('image/');
}

/** What files of pictures begin with, as base64. */
const BEGINNINGS: readonly (readonly [string, string])[] = [
  ['iVBORw0KGgo', 'image/png'],
  ['/9j/', 'image/jpeg'],
  ['R0lGOD', 'image/gif'],
  ['UklGR', 'image/webp']
];
const LEAST_LETTERS = 60;
const MOST_PICTURES = 24;

export interface PictureIn {
  /** Where in the answer: `predictions.0`. */
  readonly path: string;
  readonly url: string;
}

/** The pictures that an answer holds as base64, which is how JSON carries bytes. */
export function picturesIn(text: string): readonly PictureIn[] {
  const found: PictureIn[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value === 'string') {
      const kind = value.length >= LEAST_LETTERS && BEGINNINGS.find(([begin]) => value.startsWith(begin));
      if (kind && /^[A-Za-z0-9+/]+=*$/.test(value)) {
        found.push({ path, url: `data:${kind[1]};base64,${value}` });
      }
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, one] of Object.entries(value)) {
        if (found.length < MOST_PICTURES) {
          walk(one, path ? `${path}.${key}` : key);
        }
      }
    }
  };
  // Most answers are numbers: reading those once more would be for nothing.
  if (BEGINNINGS.some(([begin]) => text.includes(`"${begin}`))) {
    try {
      walk(JSON.parse(text), '');
    } catch {
      return []; // it only looked like JSON
    }
  }
  return found;
}
