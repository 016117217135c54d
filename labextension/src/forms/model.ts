/** Forms as data: their fields, what is in them, what is wrong with it, and what the server said. No React here. */

import type { TranslationBundle } from '@jupyterlab/translation';

import { asApiError } from '../api/errors';

export interface Option {
  readonly value: string;
  /** What a person reads; the value itself where there is none. */
  readonly label?: string;
  /** Beside it, smaller. */
  readonly note?: string;
}

export type Pair = readonly [key: string, value: string];
export type Value = string | boolean | readonly Pair[];
export type Values = Readonly<Record<string, Value>>;

interface Base {
  readonly name: string;
  readonly label: string;
  readonly help?: string;
  readonly required?: boolean;
  /** Below a fold, since most people need not care. */
  readonly advanced?: boolean;
  /** Whether it is asked, by what is in the others. */
  readonly when?: (values: Values) => boolean;
  /** What is wrong with it, in one sentence, or null. Asked when something is in it. */
  readonly check?: (value: string, values: Values) => string | null;
}

export interface TextField extends Base {
  readonly kind: 'text';
  readonly initial?: string;
  readonly placeholder?: string;
  /** How many lines are shown; one line where there is none. */
  readonly lines?: number;
}

export interface NumberField extends Base {
  readonly kind: 'number';
  readonly initial?: number;
  readonly placeholder?: string;
  readonly least?: number;
  readonly most?: number;
  readonly whole?: boolean;
  /** Beside the field: `%`, `s`. */
  readonly unit?: string;
}

export interface ChoiceField extends Base {
  readonly kind: 'choice';
  readonly initial?: string;
  readonly options: readonly Option[];
}

/** Text with completion; what is not among the suggestions may be typed as well. */
export interface ComboField extends Base {
  readonly kind: 'combo';
  readonly initial?: string;
  readonly placeholder?: string;
  /** Return what fits; those that contain what is typed are shown. */
  readonly suggest: (typed: string, values: Values) => Promise<readonly Option[]>;
  /** Suggestions go on after the last of these: `,` for lists, `/` for paths. */
  readonly separator?: string;
}

export interface PairsField extends Base {
  readonly kind: 'pairs';
  readonly initial?: readonly Pair[];
  readonly keyLabel: string;
  readonly valueLabel: string;
  readonly addLabel: string;
}

export interface CheckField extends Base {
  readonly kind: 'check';
  readonly initial?: boolean;
}

export type Field = TextField | NumberField | ChoiceField | ComboField | PairsField | CheckField;

export interface FormSpec<T> {
  readonly title: string;
  /** A sentence above the fields. */
  readonly intro?: string;
  readonly fields: readonly Field[];
  /** What the button says that sends it. */
  readonly accept: string;
  /** Whether that cannot be taken back. */
  readonly warn?: boolean;
  /** Send it. What it throws is shown in the form. */
  readonly send: (values: Values) => Promise<T>;
  /** After a field changed: what that means for others. Fields that a person has typed in are left alone. */
  readonly follow?: (changed: string, values: Values) => Promise<Values> | Values | null;
}

/** What is shown above the buttons when the server refused. */
export interface Refusal {
  readonly message: string;
  readonly hint: string;
}

export interface FormView {
  readonly values: Values;
  /** What is wrong, by field; those that were not left yet are not blamed. */
  readonly errors: Readonly<Record<string, string>>;
  readonly refusal: Refusal | null;
  readonly busy: boolean;
  /** How often it was tried to be sent with something wrong in it: the first wrong field then takes the focus. */
  readonly attempts: number;
}

export function initialValues(fields: readonly Field[]): Values {
  return Object.fromEntries(fields.map(field => [field.name, initialValue(field)]));
}

function initialValue(field: Field): Value {
  switch (field.kind) {
    case 'number':
      return field.initial === undefined ? '' : String(field.initial);
    case 'choice':
      return field.initial ?? field.options[0]?.value ?? '';
    case 'check':
      return field.initial ?? false;
    case 'pairs':
      return field.initial ?? [];
    case 'text':
    case 'combo':
      return field.initial ?? '';
  }
}

/** The fields that are asked for what is in the others. */
export function askedFields(fields: readonly Field[], values: Values): readonly Field[] {
  return fields.filter(field => field.when?.(values) ?? true);
}

/** The text of a field without spaces around it. */
export function textOf(values: Values, name: string): string {
  const value = values[name];
  return typeof value === 'string' ? value.trim() : '';
}

/** The number in a field, undefined where it is empty. */
export function numberOf(values: Values, name: string): number | undefined {
  const text = textOf(values, name);
  return text === '' ? undefined : Number(text);
}

export function flagOf(values: Values, name: string): boolean {
  return values[name] === true;
}

/** The pairs of a field; rows that were left empty are none. */
export function pairsOf(values: Values, name: string): readonly Pair[] {
  const value = values[name];
  return Array.isArray(value)
    ? (value as readonly Pair[])
        .map(([key, text]) => [key.trim(), text] as const)
        .filter(([key, text]) => key !== '' || text !== '')
    : [];
}

export function recordOf(values: Values, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(pairsOf(values, name));
}

/** The comma-separated words of a field. */
export function wordsOf(values: Values, name: string): readonly string[] {
  return textOf(values, name)
    .split(',')
    .map(word => word.trim())
    .filter(Boolean);
}

/** Return what is wrong, by field. */
export function problems(
  fields: readonly Field[],
  values: Values,
  trans: TranslationBundle
): Readonly<Record<string, string>> {
  const found = askedFields(fields, values).map(
    field => [field.name, problemOf(field, values, trans)] as const
  );
  return Object.fromEntries(found.filter((entry): entry is readonly [string, string] => entry[1] !== null));
}

function problemOf(field: Field, values: Values, trans: TranslationBundle): string | null {
  if (field.kind === 'check') {
    return null;
  }
  if (field.kind === 'pairs') {
    return problemOfPairs(pairsOf(values, field.name), field, trans);
  }
  const text = textOf(values, field.name);
  if (text === '') {
    return field.required ? trans.__('This is needed.') : null;
  }
  const wrong = field.kind === 'number' ? problemOfNumber(Number(text), field, trans) : null;
  return wrong ?? field.check?.(text, values) ?? null;
}

function problemOfNumber(value: number, field: NumberField, trans: TranslationBundle): string | null {
  const { least, most, whole } = field;
  if (!Number.isFinite(value)) {
    return trans.__('This is not a number.');
  }
  if (whole && !Number.isInteger(value)) {
    return trans.__('This must be a whole number.');
  }
  if (least !== undefined && value < least) {
    return trans.__('This must be at least %1.', least);
  }
  return most !== undefined && value > most ? trans.__('This must be at most %1.', most) : null;
}

function problemOfPairs(pairs: readonly Pair[], field: PairsField, trans: TranslationBundle): string | null {
  const keys = pairs.map(([key]) => key);
  if (keys.includes('')) {
    return trans.__('A value has no name.');
  }
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) {
    return trans.__('%1 is there twice.', twice);
  }
  return field.required && !pairs.length ? trans.__('This is needed.') : null;
}

/** One form while it is filled in: `panel.tsx` draws it, `dialog.ts` shows it. */
export class FormState<T> {
  private view: FormView;
  private readonly listeners = new Set<() => void>();
  /** Fields that a person has changed, and those that were left. */
  private readonly typed = new Set<string>();
  private readonly left = new Set<string>();
  private generation = 0;

  constructor(
    readonly spec: FormSpec<T>,
    readonly trans: TranslationBundle
  ) {
    this.view = {
      values: initialValues(spec.fields),
      errors: {},
      refusal: null,
      busy: false,
      attempts: 0
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly look = (): FormView => this.view;

  /** Let the form follow from what it begins with. */
  async start(): Promise<void> {
    for (const field of this.spec.fields) {
      if (this.view.values[field.name] !== '') {
        await this.follow(field.name);
      }
    }
  }

  change(name: string, value: Value): void {
    this.typed.add(name);
    this.set({ values: { ...this.view.values, [name]: value }, refusal: null });
    void this.follow(name);
  }

  /** A field was left: if a person was at work in it, it is told what is wrong with it from now on. */
  leave(name: string): void {
    if (this.typed.has(name)) {
      this.left.add(name);
      this.set({});
    }
  }

  /** Send it, unless something is wrong with it. Return what the server made of it, or null. */
  async submit(): Promise<{ readonly value: T } | null> {
    if (this.view.busy) {
      return null;
    }
    const { fields } = this.spec;
    fields.forEach(field => this.left.add(field.name));
    if (Object.keys(problems(fields, this.view.values, this.trans)).length) {
      this.set({ attempts: this.view.attempts + 1 });
      return null;
    }
    this.set({ busy: true, refusal: null });
    try {
      const asked = new Set(askedFields(fields, this.view.values).map(field => field.name));
      const values = Object.fromEntries(Object.entries(this.view.values).filter(([name]) => asked.has(name)));
      return { value: await this.spec.send(values) };
    } catch (error) {
      const { message, hint } = asApiError(error);
      this.set({ refusal: { message, hint } });
      return null;
    } finally {
      this.set({ busy: false });
    }
  }

  private async follow(name: string): Promise<void> {
    const generation = ++this.generation;
    let meant: Values | null = null;
    try {
      meant = (await this.spec.follow?.(name, this.view.values)) ?? null;
    } catch {
      return; // what cannot be found out is typed by hand, and the server says what is wrong with it
    }
    if (meant !== null && generation === this.generation) {
      const free = Object.entries(meant).filter(([other]) => !this.typed.has(other));
      this.set({ values: { ...this.view.values, ...Object.fromEntries(free) } });
    }
  }

  private set(change: Partial<Omit<FormView, 'errors'>>): void {
    const next = { ...this.view, ...change };
    const all = Object.entries(problems(this.spec.fields, next.values, this.trans));
    const errors = Object.fromEntries(all.filter(([name]) => this.left.has(name)));
    this.view = { ...next, errors };
    this.listeners.forEach(tell => tell());
  }
}

/** Where a text with a separator is completed: what stands before, and the part that is being typed. */
export function splitTyped(
  text: string,
  separator: string | undefined
): { readonly before: string; readonly part: string } {
  const at = separator === undefined ? -1 : text.lastIndexOf(separator);
  const rest = text.slice(at + 1);
  const part = separator === ',' ? rest.trimStart() : rest;
  return { before: text.slice(0, text.length - part.length), part };
}

/** How many suggestions are shown at once. */
const MOST_SHOWN = 100;

/** Those that contain what is typed; those that begin with it come first. */
export function fitting(options: readonly Option[], typed: string): readonly Option[] {
  const wanted = typed.toLowerCase();
  const found = options
    .map(option => ({ option, at: `${option.value}\n${option.label ?? ''}`.toLowerCase().indexOf(wanted) }))
    .filter(({ at }) => at >= 0);
  const first = found.filter(({ at }) => at === 0);
  return [...first, ...found.filter(({ at }) => at > 0)].slice(0, MOST_SHOWN).map(({ option }) => option);
}
