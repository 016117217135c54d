/** The console: a body, filled with the sample, is sent to the service, and its answer shown beside it. */

import { Clipboard } from '@jupyterlab/apputils';
import { useState } from 'react';
import type { JSX } from 'react';

import { useCan, useSession, useTrans } from '../api/context';
import type { Service } from '../api/types';
import { Button } from '../common/ui/button';
import { Failed } from '../common/ui/states';
import { Code } from './code';
import { BodyEditor } from './editor';
import { latencyText } from './figures';
import { useExample } from './queries';
import type { Example } from './queries';
import { score } from './scoring';
import type { Scored } from './scoring';
import { MEDIA, asCsv, jsonFault, pretty, prettyText } from './trying';
import type { Media } from './trying';

export interface Draft {
  /** Null: the sample. */
  readonly text: string | null;
  readonly media: Media;
  /** Empty: by traffic. */
  readonly deployment: string;
}

export const NO_DRAFT: Draft = { text: null, media: 'application/json', deployment: '' };

interface Props {
  readonly service: Service;
  /** What is being written; it outlives a look at another tab. */
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  readonly sending: Sending;
  /** Look for a request in the log. */
  readonly onFind: (requestId: string) => void;
}

export function TryIt({ service, draft: written, onDraft, sending, onFind }: Props): JSX.Element {
  const trans = useTrans();
  const isThere = service.deployments.some(one => one.name === written.deployment);
  const draft = isThere ? written : { ...written, deployment: '' }; // it was removed meanwhile
  const { media, deployment } = draft;
  const example = useExample(service.name, deployment);
  const canWrite = useCan('write');
  const sample = example.data ? sampleText(example.data, media) : null;
  const body = draft.text ?? sample ?? '';
  const fault = media === 'application/json' && body.trim() ? jsonFault(body) : null;
  const refused = !canWrite
    ? trans.__('This server lets you look only.')
    : !service.port
      ? trans.__('It has no address yet.')
      : draft.text === null && example.isPending
        ? trans.__('The sample is being loaded.')
        : null;
  const send = (): void => {
    if (refused === null) {
      void sending.send(body, media, deployment);
    }
  };
  return (
    <div className="jp-Mlops-try">
      <div className="jp-Mlops-tryBar" role="group" aria-label={trans.__('Request')}>
        <Choices service={service} draft={draft} onDraft={onDraft} />
        <Button
          title={trans.__('Fill in the sample again')}
          onClick={() => onDraft({ ...draft, text: null })}
        >
          {trans.__('Sample')}
        </Button>
        {media === 'application/json' && (
          <Button
            refused={fault ? trans.__('It is no JSON yet.') : null}
            onClick={() => onDraft({ ...draft, text: prettyText(body) })}
          >
            {trans.__('Format JSON')}
          </Button>
        )}
        <span className="jp-Mlops-fill" />
        <Button
          tone="accept"
          busy={sending.isBusy}
          refused={refused}
          title={trans.__('Send it (Ctrl+Enter)')}
          onClick={send}
        >
          {sending.isBusy ? trans.__('Sending…') : trans.__('Send')}
        </Button>
      </div>
      <div className="jp-Mlops-tryBoth">
        <div className="jp-Mlops-tryRequest">
          <BodyEditor
            label={trans.__('Body of the request')}
            text={body}
            mimeType={media}
            onChange={text => onDraft({ ...draft, text: text === sample ? null : text })}
            onSend={send}
          />
          <p className={fault ? 'jp-Mlops-fault' : 'jp-Mlops-quiet'} role="status">
            {fault ? faultText(fault, trans) : origin(draft.text, example.data, media, trans)}
          </p>
        </div>
        <Answer answer={sending.answer} error={sending.error ?? example.error} onFind={onFind} />
      </div>
    </div>
  );
}

function Choices({ service, draft, onDraft }: Omit<Props, 'sending' | 'onFind'>): JSX.Element {
  const trans = useTrans();
  return (
    <>
      <label>
        {trans.__('Deployment')}
        <select
          className="jp-Mlops-select"
          value={draft.deployment}
          onChange={event => onDraft({ ...draft, deployment: event.target.value })}
        >
          <option value="">{trans.__('by traffic')}</option>
          {service.deployments.map(one => (
            <option key={one.name} value={one.name}>
              {one.name}
            </option>
          ))}
        </select>
      </label>
      <label>
        {trans.__('Format')}
        <select
          className="jp-Mlops-select"
          value={draft.media}
          onChange={event => onDraft({ ...draft, media: event.target.value as Media, text: null })}
        >
          {MEDIA.map(one => (
            <option key={one} value={one}>
              {one === 'text/csv' ? 'CSV' : 'JSON'}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

type Trans = ReturnType<typeof useTrans>;

function faultText(fault: NonNullable<ReturnType<typeof jsonFault>>, trans: Trans): string {
  return fault.line === null
    ? trans.__('No JSON: %1', fault.message)
    : trans.__('Line %1, column %2: %3', fault.line, fault.column ?? 1, fault.message);
}

function origin(text: string | null, example: Example | undefined, media: Media, trans: Trans): string {
  if (text !== null || !example) {
    return '';
  }
  if (sampleText(example, media) === null) {
    return trans.__('The sample of %1 is no table.', example.manifest);
  }
  return example.is_sample
    ? trans.__('The sample of %1.', example.manifest)
    : trans.__('%1 has no sample: this was made up from its schema.', example.manifest);
}

function sampleText(example: Example, media: Media): string | null {
  return media === 'text/csv' ? asCsv(example.body) : pretty(example.body);
}

export interface Sending {
  readonly answer: Scored | null;
  readonly error: unknown;
  readonly isBusy: boolean;
  readonly send: (body: string, media: Media, deployment: string) => Promise<void>;
}

export function useSending(name: string): Sending {
  const { client } = useSession();
  const [answer, setAnswer] = useState<Scored | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  return {
    answer,
    error,
    isBusy,
    send: async (body, media, deployment) => {
      setBusy(true);
      try {
        setAnswer(await score(client, name, body, media, deployment));
        setError(null);
      } catch (caught) {
        setAnswer(null);
        setError(caught);
      } finally {
        setBusy(false);
      }
    }
  };
}

function Answer(props: {
  readonly answer: Scored | null;
  readonly error: unknown;
  readonly onFind: (requestId: string) => void;
}): JSX.Element {
  const { answer, error } = props;
  const trans = useTrans();
  return (
    <section className="jp-Mlops-tryAnswer" aria-label={trans.__('Answer')} aria-live="polite">
      {error !== null && error !== undefined ? (
        <Failed error={error} />
      ) : answer ? (
        <>
          <div className="jp-Mlops-tryFacts">
            <strong className={`jp-Mlops-status ${answer.status < 400 ? 'jp-mod-good' : 'jp-mod-bad'}`}>
              {answer.status}
            </strong>
            <span title={trans.__('As the Jupyter server saw it')}>{latencyText(answer.tookS)}</span>
            {answer.deployment && <span>{trans.__('by %1', answer.deployment)}</span>}
            {answer.requestId && (
              <button
                type="button"
                className="jp-Mlops-link"
                title={trans.__('Show request %1 in the log', answer.requestId)}
                onClick={() => props.onFind(answer.requestId)}
              >
                {trans.__('In the log')}
              </button>
            )}
            <span className="jp-Mlops-fill" />
            <Button onClick={() => Clipboard.copyToSystem(answer.text)}>{trans.__('Copy answer')}</Button>
          </div>
          {answer.problem ? (
            <div className="jp-Mlops-failure" role="alert">
              <strong>{answer.problem.detail}</strong>
              {answer.problem.hint && <p>{answer.problem.hint}</p>}
              <p>
                <code>{answer.problem.code}</code>
              </p>
            </div>
          ) : (
            <Code
              label={trans.__('Body of the answer')}
              text={prettyText(answer.text).slice(0, MOST_SHOWN)}
            />
          )}
        </>
      ) : (
        <p className="jp-Mlops-quiet">{trans.__('Its answer will be here.')}</p>
      )}
    </section>
  );
}

/** An answer longer than this is for a program. */
const MOST_SHOWN = 200_000;
