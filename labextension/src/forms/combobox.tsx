/** A text field with completion, as the WAI-ARIA pattern for an editable combobox with a list has it. */

import { useEffect, useId, useRef, useState } from 'react';
import type { CSSProperties, JSX, KeyboardEvent, ReactNode } from 'react';

import { fitting, splitTyped } from './model';
import type { ComboField, Option, Values } from './model';

/** How long typing rests before the server is asked. */
const REST_MS = 150;
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

export function Combobox({ field, value, values, onChange, onLeave, given }: ComboboxProps): JSX.Element {
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const { before, part } = splitTyped(value, field.separator);
  const options = useSuggestions(field, value, values, isOpen);
  // What is there already is no reason to hide the others: a person who opens the list wants to see them.
  const [isTyping, setTyping] = useState(false);
  const shown = isOpen ? fitting(options, isTyping ? part : '') : [];
  const chosen = shown[at];

  const open = (): void => {
    setTyping(false);
    setOpen(true);
    setAt(-1);
  };
  const take = (option: Option): void => {
    const text = before + option.value;
    onChange(text);
    const goesOn = field.separator !== undefined && text.endsWith(field.separator);
    setOpen(goesOn);
    setTyping(goesOn);
    setAt(-1);
    input.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      if (!isOpen) {
        open();
      } else if (shown.length) {
        setAt(before =>
          before < 0 && step < 0 ? shown.length - 1 : (before + step + shown.length) % shown.length
        );
      }
    } else if (event.key === 'Enter' && chosen) {
      event.preventDefault();
      take(chosen);
    } else if (event.key === 'Escape' && isOpen) {
      event.preventDefault();
      setOpen(false);
    } else if (event.key === 'Tab') {
      setOpen(false);
    }
  };

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
        onChange={event => {
          onChange(event.target.value);
          setTyping(true);
          setOpen(true);
          setAt(-1);
        }}
        onClick={open}
        onKeyDown={onKeyDown}
        onBlur={() => {
          setOpen(false);
          onLeave();
        }}
      />
      <span className="jp-Mlops-comboCaret" aria-hidden="true" />
      {shown.length > 0 && (
        <List id={`${id}-list`} label={field.label} below={input}>
          {shown.map((option, index) => (
            // The keys are the input's, which keeps the focus: the pattern's aria-activedescendant.
            // eslint-disable-next-line jsx-a11y/click-events-have-key-events -- as above
            <li
              key={option.value}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === at}
              className="jp-Mlops-option"
              ref={node => {
                if (index === at) {
                  node?.scrollIntoView?.({ block: 'nearest' });
                }
              }}
              onMouseDown={event => event.preventDefault()}
              onClick={() => take(option)}
            >
              <bdi>{option.label ?? option.value}</bdi>
              {option.note && <span className="jp-Mlops-optionNote">{option.note}</span>}
            </li>
          ))}
        </List>
      )}
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
    <ul className="jp-Mlops-options" id={props.id} role="listbox" aria-label={props.label} style={place}>
      {props.children}
    </ul>
  );
}

/** What the field suggests, asked while its list is open; of answers that overtake each other the last one counts. */
function useSuggestions(
  field: ComboField,
  typed: string,
  values: Values,
  isOpen: boolean
): readonly Option[] {
  const [options, setOptions] = useState<readonly Option[]>([]);
  const known = useRef(values);
  known.current = values;
  const { before } = splitTyped(typed, field.separator);
  const hasOptions = options.length > 0;
  useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    let isLast = true;
    const timer = setTimeout(
      () => {
        field.suggest(before, known.current).then(
          found => {
            if (isLast) {
              setOptions(found);
            }
          },
          () => undefined // completion is a help: without it one types
        );
      },
      hasOptions ? REST_MS : 0
    );
    return () => {
      isLast = false;
      clearTimeout(timer);
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- asked again when what stands before the typed part changes
  }, [field, before, isOpen]);
  return options;
}
