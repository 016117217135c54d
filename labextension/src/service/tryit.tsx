/** The console: a body, filled with the sample or from a file, is sent to the service, and its answer shown beside it. */

import { useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import type { Service } from '../api/types';
import { size } from '../common/format';
import { pretty } from '../common/json';
import { Button } from '../common/ui/button';
import { Answer } from './answer';
import { isBytes, mediaOf } from './files';
import { useExample } from './queries';
import type { Example } from './queries';
import { Choices, RequestBody } from './request';
import { score } from './scoring';
import type { Scored, Sent } from './scoring';
import { asCsv, jsonFault, prettyText } from './trying';
import type { Draft, Media } from './trying';

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
  const { media, deployment, file } = draft;
  const example = useExample(service.name, deployment);
  const sample = example.data ? sampleText(example.data, media) : null;
  const body = draft.text ?? sample ?? '';
  const fault = file
    ? fileFault(file, service, example.data, trans)
    : media === 'application/json' && body.trim()
      ? textFault(body, trans)
      : null;
  const lookOnly = useRefusal();
  const isWaiting = !file && draft.text === null && example.isPending;
  const refused =
    lookOnly ??
    (service.port ? null : trans.__('It has no address yet.')) ??
    (isWaiting ? trans.__('The sample is being loaded.') : file && fault);
  const send = (): void => {
    if (refused === null) {
      void sending.send({ body: file ?? body, media: file ? mediaOf(file) : media, deployment });
    }
  };
  return (
    <div className="jp-Mlops-try">
      <div className="jp-Mlops-tryBar" role="group" aria-label={trans.__('Request')}>
        <Choices service={service} draft={draft} onDraft={onDraft} />
        {media === 'application/json' && !file && (
          <Button
            refused={fault === null ? null : trans.__('It is no JSON yet.')}
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
          <RequestBody draft={draft} text={body} sample={sample} onDraft={onDraft} onSend={send} />
          <p className={fault === null ? 'jp-Mlops-quiet' : 'jp-Mlops-fault'} role="status">
            {fault ?? (file ? '' : origin(draft.text, example.data, media, trans))}
          </p>
        </div>
        <Answer answer={sending.answer} error={sending.error ?? example.error} onFind={onFind} />
      </div>
    </div>
  );
}

type Trans = ReturnType<typeof useTrans>;

function textFault(text: string, trans: Trans): string | null {
  const fault = jsonFault(text);
  if (!fault) {
    return null;
  }
  return fault.line === null
    ? trans.__('No JSON: %1', fault.message)
    : trans.__('Line %1, column %2: %3', fault.line, fault.column ?? 1, fault.message);
}

/** Why a file cannot be sent, as far as is known before the service says so. */
function fileFault(
  file: File,
  { limits }: Service,
  example: Example | undefined,
  trans: Trans
): string | null {
  if (file.size > limits.max_body_bytes) {
    return trans.__('The service takes %1 at most.', size(limits.max_body_bytes));
  }
  return example?.takes_bytes === false && isBytes(mediaOf(file))
    ? trans.__('%1 takes no pictures or other bytes: send JSON, CSV or an Arrow stream.', example.manifest)
    : null;
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
  readonly send: (sent: Sent) => Promise<void>;
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
    send: async sent => {
      setBusy(true);
      try {
        setAnswer(await score(client, name, sent));
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
