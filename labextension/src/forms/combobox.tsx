/** A text field with completion, as the WAI-ARIA pattern for an editable combobox with a list has it. */

import { useEffect, useId, useRef, useState } from 'react';
import type { CSSProperties, JSX, KeyboardEvent, ReactNode } from 'react';

import { fitting, splitTyped } from './model';
import type { ComboField, Option, Values } from './model';

const LIST_PX = 220;

export interface ComboboxProps {
  readonly field: ComboField;
  readonly value: string;
  readonly values: Values;
  readonly onChange: (value: string) => void;
  readonly onLeave: () => void;
  /** What the frame gives to each field's element. */
  readonly given: Readonly<Record<string, unknown>>;
}

export function Combobox(props: ComboboxProps): JSX.Element {
  const { field, value, onLeave, given } = props;
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const list = useList(props, input);
  const { shown, at, chosen } = list;
  return (
    <div className="jp-Mlops-combo">
      <input
        {...given}
        ref={input}
        type="text"
        className="jp-Mlops-input"
        role="combobox"
        autoComplete="off"
        spellCheck={false}
        aria-autocomplete="list"
        aria-expanded={shown.length > 0}
        aria-controls={shown.length ? `${id}-list` : undefined}
        aria-activedescendant={chosen ? `${id}-${at}` : undefined}
        placeholder={field.placeholder}
        value={value}
        onChange={event => list.type(event.target.value)}
        onClick={list.open}
        onKeyDown={list.onKeyDown}
        onBlur={() => {
          // Something behind the dialog may take the focus for a moment: the dialog has taken it back by then.
          setTimeout(() => {
            if (document.activeElement !== input.current) {
              list.shut();
            }
          });
          onLeave();
        }}
      />
      <span className="jp-Mlops-comboCaret" aria-hidden="true" />
      {shown.length > 0 && (
        <List id={`${id}-list`} label={field.label} below={input}>
          {shown.map((option, index) => (
            <Row
              key={option.value}
              id={`${id}-${index}`}
              option={option}
              isChosen={index === at}
              onTake={() => list.take(option)}
            />
          ))}
        </List>
      )}
    </div>
  );
}

/** What the list shows and what keys do to it. The input keeps the focus, as the pattern's aria-activedescendant has it. */
function useList(
  { field, value, values, onChange }: ComboboxProps,
  input: { readonly current: HTMLInputElement | null }
): {
  readonly shown: readonly Option[];
  readonly at: number;
  readonly chosen: Option | undefined;
  readonly open: () => void;
  readonly shut: () => void;
  readonly take: (option: Option) => void;
  readonly type: (text: string) => void;
  readonly onKeyDown: (event: KeyboardEvent<HTMLInputElement>) => void;
} {
  const [isOpen, setOpen] = useState(false);
  // What is there already is no reason to hide the others: who opens the list wants to see them.
  const [isTyping, setTyping] = useState(false);
  const [at, setAt] = useState(-1);
  const { before, part } = splitTyped(value, field.separator);
  const options = useSuggestions(field, value, values, isOpen);
  const fits = isOpen ? fitting(options, isTyping ? part : '') : [];
  // A list that can only say what was typed would cover what is below it.
  const shown = isTyping && fits.length === 1 && fits[0]?.value === part ? [] : fits;
  const chosen = shown[at];

  const show = (is: boolean, typing: boolean): void => {
    setOpen(is);
    setTyping(typing);
    setAt(-1);
  };
  const take = (option: Option): void => {
    const text = before + option.value;
    const goesOn = field.separator !== undefined && text.endsWith(field.separator);
    onChange(text);
    show(goesOn, goesOn);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (!isOpen) {
        show(true, false);
      } else if (shown.length) {
        const from = at < 0 && step < 0 ? 0 : at;
        setAt((from + step + shown.length) % shown.length);
      }
    } else if (event.key === 'Enter' && chosen) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault();
      show(false, false);
    }
  };
  const type = (text: string): void => {
    onChange(text);
    show(true, true);
  };
  return {
    shown,
    at,
    chosen,
    take,
    type,
    onKeyDown,
    open: () => show(true, false),
    shut: () => show(false, false)
  };
}

function Row(props: {
  readonly id: string;
  readonly option: Option;
  readonly isChosen: boolean;
  readonly onTake: () => void;
}): JSX.Element {
  const { option, isChosen } = props;
  const node = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isChosen) {
      node.current?.scrollIntoView({ block: 'nearest' });
    }
  }, [isChosen]);
  return (
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the input's keys choose
    <div
      ref={node}
      id={props.id}
      role="option"
      aria-selected={isChosen}
      className="jp-Mlops-option"
      onClick={props.onTake}
    >
      <bdi>{option.label ?? option.value}</bdi>
      {option.note && <span className="jp-Mlops-optionNote">{option.note}</span>}
    </div>
  );
}

/** The list, over everything else: the dialog's body would cut it off. */
function List(props: {
  readonly id: string;
  readonly label: string;
  readonly below: { readonly current: HTMLElement | null };
  readonly children: ReactNode;
}): JSX.Element {
  const [place, setPlace] = useState<CSSProperties>({ visibility: 'hidden' });
  const { below } = props;
  useEffect(() => {
    const put = (): void => {
      const box = below.current?.getBoundingClientRect();
      if (box) {
        const room = window.innerHeight - box.bottom;
        const side =
          room < LIST_PX && box.top > room ? { bottom: window.innerHeight - box.top } : { top: box.bottom };
        setPlace({ ...side, left: box.left, width: box.width });
      }
    };
    put();
    window.addEventListener('resize', put);
    document.addEventListener('scroll', put, true);
    return () => {
      window.removeEventListener('resize', put);
      document.removeEventListener('scroll', put, true);
    };
  }, [below]);
  return (
    // eslint-disable-next-line jsx-a11y/interactive-supports-focus -- the input keeps the focus
    <div
      className="jp-Mlops-options"
      id={props.id}
      role="listbox"
      aria-label={props.label}
      style={place}
      onMouseDown={event => event.preventDefault()} // on the scroll bar, too: else that would close it
    >
      {props.children}
    </div>
  );
}

/**
 * What the field suggests, asked each time its list is opened and when what stands before the typed part changes. What was
 * suggested before is not shown meanwhile: another answer would change it under the mouse.
 */
function useSuggestions(
  field: ComboField,
  typed: string,
  values: Values,
  isOpen: boolean
): readonly Option[] {
  const [options, setOptions] = useState<readonly Option[]>([]);
  const known = useRef(values);
  useEffect(() => {
    known.current = values;
  }, [values]);
  const { before } = splitTyped(typed, field.separator);
  useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    let isAwaited = true;
    field.suggest(before, known.current).then(
      found => {
        if (isAwaited) {
          setOptions(found);
        }
      },
      () => undefined // completion is a help: without it one types
    );
    return () => {
      isAwaited = false;
      setOptions([]);
    };
  }, [field, before, isOpen]);
  return options;
}
