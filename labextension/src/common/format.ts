/** Numbers and times as a narrow panel shows them. */

import type { MetricValue } from '../api/types';
import { trans } from './words';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** How long ago, in one short word: `now`, `5 min`, `3 h`, `2 d`, else the date. Both in seconds since the epoch. */
export function age(at: number, now: number): string {
  const seconds = now - at;
  const date = dateOf(at);
  if (date === null) {
    return '–';
  }
  if (seconds < MINUTE) {
    return trans.__('now');
  }
  if (seconds < HOUR) {
    return trans.__('%1 min', Math.floor(seconds / MINUTE));
  }
  if (seconds < DAY) {
    return trans.__('%1 h', Math.floor(seconds / HOUR));
  }
  if (seconds < 30 * DAY) {
    return trans.__('%1 d', Math.floor(seconds / DAY));
  }
  return date.toLocaleDateString();
}

/** How long ago, as a sentence goes on: `started 5 min ago`. */
export function startedAgo(at: number, now: number): string {
  if (dateOf(at) === null || now - at >= 30 * DAY) {
    return trans.__('started on %1', age(at, now));
  }
  return now - at < MINUTE ? trans.__('started just now') : trans.__('started %1 ago', age(at, now));
}

/** The date of seconds since the epoch; null where no calendar has it, as of a program that counts in nanoseconds. */
export function dateOf(at: number): Date | null {
  const date = new Date(at * 1000);
  return Number.isNaN(date.getTime()) ? null : date;
}

const WITH_ZONE: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short'
};

/** A moment in the reader's own time zone, which is named: the server's may be another, and summer time ends. */
export function moment(at: number): string {
  return dateOf(at)?.toLocaleString(undefined, WITH_ZONE) ?? trans.__('at no time (%1 s)', at);
}

/** A span of time: `0.42 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `9 d 3 h`. */
export function span(seconds: number): string {
  if (seconds < 10) {
    return trans.__('%1 s', Number(seconds.toPrecision(2)));
  }
  const whole = Math.round(seconds);
  if (whole < MINUTE) {
    return trans.__('%1 s', whole);
  }
  if (whole < HOUR) {
    return trans.__('%1 min %2 s', Math.floor(whole / MINUTE), whole % MINUTE);
  }
  if (whole < 2 * DAY) {
    return trans.__('%1 h %2 min', Math.floor(whole / HOUR), Math.floor((whole % HOUR) / MINUTE));
  }
  return trans.__('%1 d %2 h', Math.floor(whole / DAY), Math.floor((whole % DAY) / HOUR));
}

/** A metric with four significant digits, and one that counts things with all of them; NaN and the infinities by name. */
export function metric(value: MetricValue): string {
  if (typeof value === 'string') {
    return value;
  }
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) {
    return String(value);
  }
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) {
    return value.toExponential(2).replace(/\.?0+e/, 'e');
  }
  return String(Number(value.toPrecision(4)));
}

/** Bytes in decimal units, as disks are sold: `512 B`, `1.2 kB`, `3.4 GB`. */
export function size(nBytes: number): string {
  let n = nBytes;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (n < 1000) {
      return `${unit === 'B' || n >= 100 ? n.toFixed(0) : n.toFixed(1)} ${unit}`;
    }
    n /= 1000;
  }
  return `${n.toFixed(1)} TB`;
}

/** The beginning of a text that nobody would read to its end, such as a name of 10,000 characters. */
export function clip(text: string, most = 300): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

/** A sentence's beginning. */
export function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
