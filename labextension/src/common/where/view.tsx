/** A box for filters, with completion of names and values (the WAI-ARIA pattern for comboboxes) and what is wrong below it. */

import { useEffect, useId, useRef, useState } from 'react';
import type { ChangeEvent, JSX, KeyboardEvent, RefObject, SyntheticEvent } from 'react';

import '../../../style/where.css';
import { useTrans } from '../../api/context';
import { asApiError } from '../../api/errors';
import { useTold } from '../ui/told';
import { accept, caretAt, kindOf, optionsAt, valueBegun, wantsValues } from './model';
import type { Option } from './model';
import { useFields, useValues } from './queries';

export interface WhereBoxProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Its name for screen readers. */
  readonly label: string;
  readonly placeholder: string;
  /** What the server said to the filter. */
  readonly error?: unknown;
}

export function WhereBox(props: WhereBoxProps): JSX.Element {
  const { value, onChange, error } = props;
  const isTold = useTold(error);
  const base = useId();
  const box = useBox(value, onChange);
  const { input, options, chosen, active, shown } = box;
  // What is not finished needs no words while there is help to go on.
  const isWrong = error !== undefined && error !== null && !shown && !isTold;
  return (
    <div className="jp-Mlops-where">
      <input
        ref={input}
        type="text"
        role="combobox"
        className="jp-mod-styled jp-Mlops-whereInput"
        spellCheck={false}
        autoComplete="off"
        placeholder={props.placeholder}
        aria-label={props.label}
        title={props.label}
        aria-autocomplete="list"
        aria-expanded={shown}
        aria-controls={`${base}-options`}
        aria-activedescendant={active && `${base}-${chosen}`}
        aria-invalid={isWrong || undefined}
        aria-describedby={isWrong ? `${base}-error` : undefined}
        value={value}
        onChange={box.onEdit}
        onSelect={box.onCaret}
        onKeyDown={box.onKeyDown}
        onFocus={() => box.onFocus(true)}
        onBlur={() => box.onFocus(false)}
      />
      {value !== '' && (
        <ClearButton
          onClick={() => {
            onChange('');
            input.current?.focus();
          }}
        />
      )}
      <Options id={base} options={shown ? options : []} chosen={chosen} onTake={box.take} />
      {isWrong && <Wrong id={`${base}-error`} error={error} />}
    </div>
  );
}

interface Box {
  readonly input: RefObject<HTMLInputElement>;
  readonly options: readonly Option[];
  readonly chosen: number;
  readonly active: Option | undefined;
  /** Whether the completions are. */
  readonly shown: boolean;
  readonly take: (option: Option) => void;
  readonly onEdit: (event: ChangeEvent<HTMLInputElement>) => void;
  readonly onCaret: (event: SyntheticEvent<HTMLInputElement>) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLInputElement>) => void;
  readonly onFocus: (focused: boolean) => void;
}

function useBox(value: string, onChange: (value: string) => void): Box {
  const input = useRef<HTMLInputElement>(null);
  const next = useRef<number | null>(null);
  const [focused, setFocused] = useState(false);
  const [open, setOpen] = useState(false);
  const [caret, setCaret] = useState(value.length);
  const [chosen, setChosen] = useState(-1);
  const options = useOptions(value, caret, focused && open);
  const shown = open && focused && options.length > 0;
  const active = shown ? options[chosen] : undefined;

  useEffect(() => {
    if (next.current !== null) {
      input.current?.setSelectionRange(next.current, next.current);
      next.current = null;
    }
  }, [value]);

  const take = (option: Option): void => {
    const result = accept(value, caret, caretAt(value, caret), option);
    next.current = result.caret;
    setCaret(result.caret);
    setChosen(-1);
    onChange(result.text);
  };
  const onCaret = (event: SyntheticEvent<HTMLInputElement>): void =>
    setCaret(event.currentTarget.selectionStart ?? value.length);
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const act = actionOf(event, { shown, active, n: options.length, chosen, isEmpty: value === '' });
    if (act === null) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    if (act === 'open' || act === 'close') {
      onCaret(event);
      setOpen(act === 'open');
    } else if (act === 'clear') {
      onChange('');
      setCaret(0);
    } else if (act === 'take') {
      if (active) {
        take(active);
      }
    } else {
      setChosen(act);
    }
  };
  const onEdit = (event: ChangeEvent<HTMLInputElement>): void => {
    setCaret(event.target.selectionStart ?? event.target.value.length);
    setChosen(-1);
    setOpen(true);
    onChange(event.target.value);
  };
  const onFocus = (has: boolean): void => {
    setFocused(has);
    if (!has) {
      setOpen(false);
    }
  };
  return { input, options, chosen, active, shown, take, onEdit, onCaret, onKeyDown, onFocus };
}

function ClearButton({ onClick }: { readonly onClick: () => void }): JSX.Element {
  const label = useTrans().__('Clear the filter');
  return (
    <button type="button" className="jp-Mlops-whereClear" title={label} aria-label={label} onClick={onClick}>
      <span aria-hidden="true">×</span>
    </button>
  );
}

function Options(props: {
  readonly id: string;
  readonly options: readonly Option[];
  readonly chosen: number;
  readonly onTake: (option: Option) => void;
}): JSX.Element {
  const { id, options, chosen } = props;
  const trans = useTrans();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen]);
  return (
    <div
      ref={list}
      id={`${id}-options`}
      role="listbox"
      aria-label={trans.__('Completions')}
      className="jp-Mlops-whereOptions"
      hidden={options.length === 0}
    >
      {options.map((option, index) => (
        <OptionRow
          key={option.insert}
          id={`${id}-${index}`}
          option={option}
          isActive={index === chosen}
          onTake={() => props.onTake(option)}
        />
      ))}
    </div>
  );
}

function OptionRow(props: {
  readonly id: string;
  readonly option: Option;
  readonly isActive: boolean;
  readonly onTake: () => void;
}): JSX.Element {
  const trans = useTrans();
  const words: Readonly<Record<Option['about'], string>> = {
    metric: trans.__('metric'),
    parameter: trans.__('parameter'),
    tag: trans.__('tag'),
    field: trans.__('field'),
    operator: '',
    value: '',
    word: ''
  };
  const { option } = props;
  return (
    <div
      id={props.id}
      role="option"
      aria-selected={props.isActive}
      tabIndex={-1} // keys are the box's, which keeps the focus
      title={option.insert.slice(0, 500)}
      onMouseDown={event => {
        event.preventDefault(); // the box keeps the focus
        props.onTake();
      }}
    >
      <bdi>{option.insert}</bdi>
      <span>{words[option.about]}</span>
    </div>
  );
}

function Wrong({ id, error }: { readonly id: string; readonly error: unknown }): JSX.Element {
  const trans = useTrans();
  const { message } = asApiError(error);
  return (
    <div id={id} className="jp-Mlops-whereError" role="status">
      {/* The server names the option of the command line that takes the same language. */}
      {message.replace(/^--where\b/, trans.__('The filter'))}
    </div>
  );
}

/** What could come next at the caret, while that is wanted. */
function useOptions(text: string, caret: number, enabled: boolean): readonly Option[] {
  const fields = useFields(enabled).data;
  const at = caretAt(text, caret);
  const wanted = enabled && fields !== undefined && wantsValues(at, fields);
  const values = useValues(wanted ? at.field : '', valueBegun(at));
  // Words are names of runs: only what begins as a field may be the beginning of an expression.
  const isWords =
    kindOf(text) === 'words' && at.expected !== 'field' && !(fields && at.field in fields.fields);
  return enabled && fields && !isWords ? optionsAt(at, fields, values) : [];
}

type Act = 'open' | 'close' | 'clear' | 'take' | number | null;

function actionOf(
  event: KeyboardEvent,
  at: {
    readonly shown: boolean;
    readonly active: Option | undefined;
    readonly n: number;
    readonly chosen: number;
    readonly isEmpty: boolean;
  }
): Act {
  switch (event.key) {
    case 'ArrowDown':
      return at.shown ? (at.chosen + 1) % at.n : 'open';
    case 'ArrowUp':
      return at.shown ? (Math.max(at.chosen, 0) + at.n - 1) % at.n : null;
    case 'Enter':
    case 'Tab':
      return at.active && !event.shiftKey ? 'take' : null;
    case 'Escape':
      return at.shown ? 'close' : at.isEmpty ? null : 'clear';
    default:
      return null;
  }
}
