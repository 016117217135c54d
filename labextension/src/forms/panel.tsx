/** Draws a form: each field with its label, its help and what is wrong with it; below, what the server refused. */

import { useEffect, useId, useLayoutEffect, useRef, useSyncExternalStore } from 'react';
import type { JSX, ReactNode } from 'react';

import { Combobox } from './combobox';
import { askedFields } from './model';
import type { Field, FormState, FormView, Pair, PairsField, TextField, Value, Values } from './model';

export function Form<T>({ form }: { readonly form: FormState<T> }): JSX.Element {
  const view = useSyncExternalStore(form.subscribe, form.look);
  const root = useRef<HTMLDivElement>(null);
  const { spec, trans } = form;
  const fields = askedFields(spec.fields, view.values);
  const refusal = useRef<HTMLDivElement>(null);
  const plain = fields.filter(field => !field.advanced);
  const advanced = fields.filter(field => field.advanced);
  const draw = (field: Field, index: number): JSX.Element => (
    <FieldFrame
      key={field.name}
      form={form}
      view={view}
      field={field}
      isFirst={index === 0 && !field.advanced}
    />
  );
  useEffect(() => {
    if (view.attempts) {
      const wrong = root.current?.querySelector<HTMLElement>('[aria-invalid="true"]');
      const fold = wrong?.closest('details');
      if (fold) {
        fold.open = true;
      }
      wrong?.focus();
    }
  }, [view.attempts]);
  useEffect(() => {
    void form.start();
  }, [form]);
  useEffect(() => {
    // Below a form that is longer than the dialog nobody would see it.
    refusal.current?.scrollIntoView({ block: 'nearest' });
  }, [view.refusal]);
  useLayoutEffect(() => {
    // Nothing in it can be chosen before it is drawn: until then the dialog itself has the focus.
    const dialog = document.activeElement;
    const first = root.current?.querySelector<HTMLElement>('[data-first]');
    if (first && dialog?.matches('.jp-Dialog') && dialog.contains(first)) {
      first.focus();
    }
  }, []);

  return (
    <div className="jp-Mlops-form" ref={root} aria-busy={view.busy}>
      {spec.intro && <p className="jp-Mlops-formIntro">{spec.intro}</p>}
      {plain.map(draw)}
      {advanced.length > 0 && (
        <details
          className="jp-Mlops-formMore"
          open={advanced.some(field => field.name in view.errors) || undefined}
        >
          <summary>{trans.__('More options')}</summary>
          {advanced.map(draw)}
        </details>
      )}
      <div ref={refusal} role="alert" className="jp-Mlops-formRefusal" hidden={view.refusal === null}>
        {view.refusal && (
          <>
            <strong>{view.refusal.message}</strong>
            {view.refusal.hint && <p>{view.refusal.hint}</p>}
          </>
        )}
      </div>
      <div role="status" className="jp-Mlops-formBusy">
        {view.busy && trans.__('Asking the server…')}
      </div>
    </div>
  );
}

interface FrameProps<T> {
  readonly form: FormState<T>;
  readonly view: FormView;
  readonly field: Field;
  readonly isFirst: boolean;
}

function FieldFrame<T>({ form, view, field, isFirst }: FrameProps<T>): JSX.Element {
  const id = useId();
  const error = view.errors[field.name];
  const told = [...(field.help ? [`${id}-help`] : []), ...(error ? [`${id}-error`] : [])].join(' ');
  const given = {
    id,
    name: field.name,
    'data-first': isFirst ? true : undefined,
    'aria-describedby': told === '' ? undefined : told,
    'aria-invalid': error ? true : undefined,
    'aria-required': field.required ?? undefined
  };
  const label: ReactNode = (
    <>
      {field.label}
      {field.required && (
        <span className="jp-Mlops-needed" aria-hidden="true">
          *
        </span>
      )}
    </>
  );
  const control = drawControl({
    form,
    field,
    value: view.values[field.name] ?? '',
    values: view.values,
    given
  });
  const isGroup = field.kind === 'pairs';
  return (
    <div className={`jp-Mlops-field jp-mod-${field.kind}`}>
      {field.kind === 'check' && control}
      {isGroup ? (
        <span className="jp-Mlops-label" id={`${id}-label`}>
          {label}
        </span>
      ) : (
        <label className="jp-Mlops-label" htmlFor={id}>
          {label}
        </label>
      )}
      {field.kind !== 'check' && control}
      {field.help && (
        <div className="jp-Mlops-help" id={`${id}-help`}>
          {field.help}
        </div>
      )}
      {error && (
        <div className="jp-Mlops-wrong" id={`${id}-error`}>
          {error}
        </div>
      )}
    </div>
  );
}

interface ControlProps<T> {
  readonly form: FormState<T>;
  readonly field: Field;
  readonly value: Value;
  readonly values: Values;
  readonly given: Readonly<Record<string, unknown>> & { readonly id: string };
}

function drawControl<T>({ form, field, value, values, given }: ControlProps<T>): JSX.Element {
  const change = (next: Value): void => form.change(field.name, next);
  const leave = (): void => form.leave(field.name);
  const text = typeof value === 'string' ? value : '';
  switch (field.kind) {
    case 'check':
      return (
        <input
          {...given}
          type="checkbox"
          checked={value === true}
          onChange={event => change(event.target.checked)}
        />
      );
    case 'choice':
      return (
        <select
          {...given}
          className="jp-Mlops-input"
          value={text}
          onChange={event => change(event.target.value)}
        >
          {field.options.map(option => (
            <option key={option.value} value={option.value}>
              {option.label ?? option.value}
            </option>
          ))}
        </select>
      );
    case 'pairs':
      return (
        <Pairs
          field={field}
          value={value as readonly Pair[]}
          given={given}
          onChange={change}
          onLeave={leave}
          form={form}
        />
      );
    case 'combo':
      return (
        <Combobox
          field={field}
          value={text}
          values={values}
          onChange={change}
          onLeave={leave}
          given={given}
        />
      );
    case 'number':
      return (
        <span className="jp-Mlops-number">
          <input
            {...given}
            type="text"
            inputMode="decimal"
            autoComplete="off"
            className="jp-Mlops-input"
            placeholder={field.placeholder}
            value={text}
            onChange={event => change(event.target.value)}
            onBlur={leave}
          />
          {field.unit && <span className="jp-Mlops-unit">{field.unit}</span>}
        </span>
      );
    case 'text':
      return <TextInput field={field} value={text} given={given} onChange={change} onLeave={leave} />;
  }
}

function TextInput(props: {
  readonly field: TextField;
  readonly value: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly onChange: (value: string) => void;
  readonly onLeave: () => void;
}): JSX.Element {
  const { field, value, given, onChange, onLeave } = props;
  const { lines, placeholder } = field;
  const common = { ...given, className: 'jp-Mlops-input', placeholder, value, onBlur: onLeave };
  return lines ? (
    <textarea {...common} rows={lines} onChange={event => onChange(event.target.value)} />
  ) : (
    <input
      {...common}
      type="text"
      autoComplete="off"
      spellCheck={false}
      onChange={event => onChange(event.target.value)}
    />
  );
}

function Pairs<T>(props: {
  readonly form: FormState<T>;
  readonly field: PairsField;
  readonly value: readonly Pair[];
  readonly given: Readonly<Record<string, unknown>> & { readonly id: string };
  readonly onChange: (value: readonly Pair[]) => void;
  readonly onLeave: () => void;
}): JSX.Element {
  const { field, value, given, onChange, onLeave } = props;
  const { trans } = props.form;
  const table = useRef<HTMLDivElement>(null);
  const { id, name, ...told } = given;
  const put = (at: number, pair: Pair): void =>
    onChange(value.map((old, index) => (index === at ? pair : old)));
  const focusRow = (at: number): void => {
    requestAnimationFrame(() =>
      table.current?.querySelectorAll<HTMLElement>('.jp-Mlops-pairKey')[at]?.focus()
    );
  };
  return (
    <div className="jp-Mlops-pairs" role="group" aria-labelledby={`${id}-label`} ref={table} {...pick(told)}>
      {value.map(([key, text], at) => (
        // Rows have no identity of their own: what is typed into one stays in its place.
        <div className="jp-Mlops-pair" key={at}>
          <input
            className="jp-Mlops-input jp-Mlops-pairKey"
            type="text"
            name={`${String(name)}-key-${at}`}
            autoComplete="off"
            spellCheck={false}
            aria-label={trans.__('%1 %2', field.keyLabel, at + 1)}
            aria-invalid={told['aria-invalid'] === true || undefined}
            placeholder={field.keyLabel}
            value={key}
            onChange={event => put(at, [event.target.value, text])}
            onBlur={onLeave}
          />
          <input
            className="jp-Mlops-input"
            type="text"
            name={`${String(name)}-value-${at}`}
            autoComplete="off"
            spellCheck={false}
            aria-label={
              key ? trans.__('%1 of %2', field.valueLabel, key) : trans.__('%1 %2', field.valueLabel, at + 1)
            }
            placeholder={field.valueLabel}
            value={text}
            onChange={event => put(at, [key, event.target.value])}
            onBlur={onLeave}
          />
          <button
            type="button"
            className="jp-Mlops-pairLess"
            aria-label={trans.__('Remove %1', key || at + 1)}
            title={trans.__('Remove')}
            onClick={() => {
              onChange(value.filter((_, index) => index !== at));
              focusRow(Math.max(0, at - 1));
            }}
          >
            <span aria-hidden="true">×</span>
          </button>
        </div>
      ))}
      <button
        type="button"
        className="jp-Mlops-pairMore"
        data-first={told['data-first'] as boolean | undefined}
        onClick={() => {
          onChange([...value, ['', '']]);
          focusRow(value.length);
        }}
      >
        {field.addLabel}
      </button>
    </div>
  );
}

/** A group may be described; invalid is each of its fields. */
function pick(told: Readonly<Record<string, unknown>>): { 'aria-describedby'?: string } {
  const described = told['aria-describedby'];
  return typeof described === 'string' ? { 'aria-describedby': described } : {};
}
