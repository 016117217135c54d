/** The note of a run in Markdown: drawn by Lab, edited in place. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import { useOpener } from '../common/opener';
import { Rendered } from '../common/rendered';
import { Button } from '../common/ui/button';
import { Part } from '../common/ui/parts';
import { Failed } from '../common/ui/states';

/** What was typed and not saved, by run: it outlives a look at another tab. */
const drafts = new Map<string, string>();

export function Notes({ run, note }: { readonly run: string; readonly note: string }): JSX.Element {
  const trans = useTrans();
  const refused = useRefusal();
  const [draft, setState] = useState<string | null>(() => drafts.get(run) ?? null);
  const setDraft = (text: string | null): void => {
    if (text === null) {
      drafts.delete(run);
    } else {
      drafts.set(run, text);
    }
    setState(text);
  };
  const data = useMemo(() => ({ 'text/markdown': note }), [note]);
  const [opener] = useOpener(draft !== null);
  const edit = (
    <span ref={opener}>
      <Button onClick={() => setDraft(note)} refused={refused}>
        {note ? trans.__('Edit') : trans.__('Add a note')}
      </Button>
    </span>
  );
  return (
    <Part title={trans.__('Notes')} aside={draft === null && edit}>
      {draft !== null ? (
        <Editor
          {...{ run, draft }}
          isSaved={draft === note}
          onChange={setDraft}
          onEnd={() => setDraft(null)}
        />
      ) : note ? (
        <Rendered data={data} className="jp-Mlops-runNote" />
      ) : (
        <p className="jp-Mlops-quiet">{trans.__('What was tried here, and what came of it.')}</p>
      )}
    </Part>
  );
}

function Editor(props: {
  readonly run: string;
  readonly draft: string;
  readonly isSaved: boolean;
  readonly onChange: (draft: string) => void;
  readonly onEnd: () => void;
}): JSX.Element {
  const { run, draft, isSaved, onChange, onEnd } = props;
  const trans = useTrans();
  const { client } = useSession();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (note: string) => client.patch('/runs/{ref}', { path: { ref: run }, body: { note } }),
    onSuccess: async () => queries.invalidateQueries({ queryKey: ['run', run] }),
    onSettled: (_, error, saved) => {
      if (error === null && saved === draft) {
        onEnd(); // else somebody wrote on meanwhile
      }
    }
  });
  return (
    <form
      className="jp-Mlops-noteEditor"
      onSubmit={event => {
        event.preventDefault();
        save.mutate(draft);
      }}
    >
      <textarea
        aria-label={trans.__('Note in Markdown')}
        value={draft}
        rows={Math.min(24, Math.max(6, draft.split('\n').length + 1))}
        onChange={event => onChange(event.target.value)}
        onKeyDown={event => {
          // A key that is pressed to shut a completion must not throw away what was written.
          if (event.key === 'Escape' && isSaved) {
            onEnd();
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            save.mutate(draft);
          }
        }}
        // The button that was pressed is gone: the reader goes on here.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
      />
      {save.error && <Failed error={save.error} />}
      <div className="jp-Mlops-toolbar">
        <Button tone="accept" busy={save.isPending} onClick={() => save.mutate(draft)}>
          {trans.__('Save')}
        </Button>
        <Button onClick={onEnd}>{trans.__('Cancel')}</Button>
        <span className="jp-Mlops-quiet">{trans.__('Markdown. Ctrl+Enter saves.')}</span>
      </div>
    </form>
  );
}
