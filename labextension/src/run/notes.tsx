/** The note of a run in Markdown: drawn by Lab, edited in place. */

import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { JSX } from 'react';

import { useRefusal, useSession, useTrans } from '../api/context';
import { useDraft } from '../common/draft';
import type { Writing } from '../common/draft';
import { useOpener } from '../common/opener';
import { Rendered } from '../common/rendered';
import { Button } from '../common/ui/button';
import { Part } from '../common/ui/parts';
import { Failed } from '../common/ui/states';

export function Notes({ run, note }: { readonly run: string; readonly note: string }): JSX.Element {
  const trans = useTrans();
  const refused = useRefusal();
  const writing = useDraft<string>(`note of run ${run}`);
  const { draft } = writing;
  const data = useMemo(() => ({ 'text/markdown': note }), [note]);
  const [opener] = useOpener(draft !== undefined);
  const edit = (
    <span ref={opener}>
      <Button onClick={() => writing.write(note)} refused={refused}>
        {note ? trans.__('Edit') : trans.__('Add a note')}
      </Button>
    </span>
  );
  return (
    <Part title={trans.__('Notes')} aside={draft === undefined && edit}>
      {draft !== undefined ? (
        <Editor {...{ run, draft, writing }} isSaved={draft === note} />
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
  readonly writing: Writing<string>;
  readonly isSaved: boolean;
}): JSX.Element {
  const { run, draft, writing, isSaved } = props;
  const trans = useTrans();
  const { client } = useSession();
  const queries = useQueryClient();
  const save = useMutation({
    mutationFn: (note: string) => client.patch('/runs/{ref}', { path: { ref: run }, body: { note } }),
    onSuccess: async (_, note) => {
      await queries.invalidateQueries({ queryKey: ['run', run] });
      writing.saved(note);
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
        onChange={event => writing.write(event.target.value)}
        onKeyDown={event => {
          // A key that is pressed to shut a completion must not throw away what was written.
          if (event.key === 'Escape' && isSaved) {
            writing.cancel();
          } else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
            save.mutate(draft);
          }
        }}
        // The button that was pressed is gone: the reader goes on here.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus={writing.isBegunHere}
      />
      {save.error && <Failed error={save.error} />}
      <div className="jp-Mlops-toolbar">
        <Button tone="accept" busy={save.isPending} onClick={() => save.mutate(draft)}>
          {trans.__('Save')}
        </Button>
        <Button onClick={writing.cancel}>{trans.__('Cancel')}</Button>
        <span className="jp-Mlops-quiet">{trans.__('Markdown. Ctrl+Enter saves.')}</span>
      </div>
    </form>
  );
}
