/** How runs and services are, in a word and in a colour. */

import type { TranslationBundle } from '@jupyterlab/translation';

import type { RunStatus, Service } from '../api/types';
import type { Tone } from './icons';
import { trans as pageWords } from './words';

type Words = Pick<TranslationBundle, '__'>;

export const RUN_TONES: Readonly<Record<RunStatus, Tone>> = {
  SCHEDULED: 'quiet',
  RUNNING: 'busy',
  FINISHED: 'good',
  FAILED: 'bad',
  KILLED: 'warn'
};

export function runWords(trans: Words = pageWords): Readonly<Record<RunStatus, string>> {
  return {
    SCHEDULED: trans.__('scheduled'),
    RUNNING: trans.__('running'),
    FINISHED: trans.__('finished'),
    FAILED: trans.__('failed'),
    KILLED: trans.__('killed')
  };
}

export function runWord(status: RunStatus, trans: Words = pageWords): string {
  return runWords(trans)[status];
}

export const SERVICE_TONES: Readonly<Record<Service['state'], Tone>> = {
  pending: 'busy',
  ready: 'good',
  degraded: 'warn',
  failed: 'bad',
  deleting: 'busy'
};

export function serviceWord(state: Service['state'], trans: Words = pageWords): string {
  const words: Readonly<Record<Service['state'], string>> = {
    pending: trans.__('starting'),
    ready: trans.__('ready'),
    degraded: trans.__('degraded'),
    failed: trans.__('failed'),
    deleting: trans.__('being deleted')
  };
  return words[state];
}
