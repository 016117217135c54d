/** An editor for a request's body: Lab's own where there is one, else a plain text area. */

import { CodeEditor } from '@jupyterlab/codeeditor';
import { useEffect, useRef } from 'react';
import type { JSX } from 'react';

import { useSession } from '../api/context';

export interface EditorProps {
  readonly label: string;
  readonly text: string;
  readonly mimeType: string;
  readonly onChange: (text: string) => void;
  /** Ctrl+Enter, or Command+Enter. */
  readonly onSend: () => void;
}

export function BodyEditor(props: EditorProps): JSX.Element {
  const { editors } = useSession().lab;
  return (
    // What is typed bubbles up to here, whichever editor it is typed into.
    <div
      className="jp-Mlops-editor"
      onKeyDownCapture={event => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
          event.preventDefault();
          event.stopPropagation();
          props.onSend();
        }
      }}
    >
      {editors ? (
        <LabEditor {...props} />
      ) : (
        <textarea
          spellCheck={false}
          aria-label={props.label}
          value={props.text}
          onChange={event => props.onChange(event.target.value)}
        />
      )}
    </div>
  );
}

function LabEditor({ label, text, mimeType, onChange }: EditorProps): JSX.Element {
  const { editors } = useSession().lab;
  const host = useRef<HTMLDivElement>(null);
  const model = useRef<CodeEditor.Model | null>(null);
  const tell = useRef(onChange);
  const shown = useRef(text);

  useEffect(() => {
    tell.current = onChange;
  }, [onChange]);

  useEffect(() => {
    if (!host.current || !editors) {
      return undefined;
    }
    const made = new CodeEditor.Model({ mimeType });
    made.sharedModel.setSource(shown.current);
    model.current = made;
    const editor = editors.factoryService.newInlineEditor({
      host: host.current,
      model: made,
      config: { lineNumbers: true, lineWrap: true }
    });
    host.current.querySelector('.cm-content')?.setAttribute('aria-label', label);
    const onText = (): void => {
      const source = made.sharedModel.getSource();
      if (source !== shown.current) {
        shown.current = source; // by a person, not by us
        tell.current(source);
      }
    };
    made.sharedModel.changed.connect(onText);
    return () => {
      editor.dispose();
      made.dispose();
      model.current = null;
    };
  }, [editors, label, mimeType]);

  useEffect(() => {
    shown.current = text;
    const shared = model.current?.sharedModel;
    if (shared && shared.getSource() !== text) {
      shared.setSource(text);
    }
  }, [text]);

  return <div ref={host} className="jp-Mlops-editorHost" />;
}
