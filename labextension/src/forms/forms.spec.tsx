import { nullTranslator } from '@jupyterlab/translation';
import { fireEvent, render, screen, waitFor } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { describe, expect, it, vi } from 'vitest';

import { ApiError } from '../api/errors';
import { askForm } from './dialog';
import { FormState, fitting, numberOf, pairsOf, problems, splitTyped, textOf } from './model';
import type { Field, FormSpec, Option, Values } from './model';
import { Form } from './panel';

const trans = nullTranslator.load('jupyter_mlops');
const NAME: Field = { kind: 'text', name: 'name', label: 'Name', required: true };

function spec<T = string>(change: Partial<FormSpec<T>> = {}): FormSpec<T> {
  return {
    title: 'A form',
    accept: 'Send',
    fields: [NAME],
    send: values => Promise.resolve(textOf(values, 'name') as T),
    ...change
  };
}

describe('what is wrong with a field', () => {
  const wrong = (field: Field, value: Values[string]): string | undefined =>
    problems([field], { [field.name]: value }, trans)[field.name];

  it('is that it is needed and nothing, or only spaces, is in it', () => {
    expect(wrong(NAME, '  ')).toBe('This is needed.');
    expect(wrong({ ...NAME, required: false }, '')).toBeUndefined();
  });

  it.each([
    ['one', 'This is not a number.'],
    ['1.5', 'This must be a whole number.'],
    ['0', 'This must be at least 1.'],
    ['65', 'This must be at most 64.'],
    ['64', undefined],
    ['', undefined]
  ])('is told of the number %j', (text, told) => {
    const field: Field = { kind: 'number', name: 'n', label: 'N', whole: true, least: 1, most: 64 };
    expect(wrong(field, text)).toBe(told);
  });

  it('is a pair without a name or one that is there twice; rows left empty are none', () => {
    const field: Field = {
      kind: 'pairs',
      name: 'p',
      label: 'P',
      keyLabel: 'K',
      valueLabel: 'V',
      addLabel: 'Add'
    };
    expect(wrong(field, [['', 'x']])).toBe('A value has no name.');
    expect(wrong(field, [['a', '1'], ['a', '2']])).toBe('a is there twice.'); // prettier-ignore
    expect(wrong(field, [['a', ''], ['', '']])).toBeUndefined(); // prettier-ignore
    expect(pairsOf({ p: [[' a ', ' b'], ['', '']] }, 'p')).toEqual([['a', ' b']]); // prettier-ignore
  });

  it('is asked of what is shown alone', () => {
    const field: Field = { ...NAME, when: values => values.is === true };
    expect(problems([field], { is: false, name: '' }, trans)).toEqual({});
    expect(problems([field], { is: true, name: '' }, trans)).toHaveProperty('name');
  });
});

describe('completion', () => {
  it('goes on after the last comma or slash', () => {
    expect(splitTyped('a, b', ',')).toEqual({ before: 'a, ', part: 'b' });
    expect(splitTyped('data/raw', '/')).toEqual({ before: 'data/', part: 'raw' });
    expect(splitTyped('a, b', undefined)).toEqual({ before: '', part: 'a, b' });
  });

  it('puts what begins with the typed text first, and finds labels', () => {
    const options = [
      { value: 'x-churn' },
      { value: 'churn' },
      { value: '1f', label: 'my churn' },
      { value: 'no' }
    ];
    expect(fitting(options, 'CHU').map(one => one.value)).toEqual(['churn', 'x-churn', '1f']);
  });
});

describe('a form', () => {
  it('is not sent while something is wrong, says so, and puts the cursor there', async () => {
    const send = vi.fn(() => Promise.resolve('done'));
    const form = new FormState(spec({ send }), trans);
    render(<Form form={form} />);
    expect(screen.queryByText('This is needed.')).toBeNull(); // nobody is blamed before anything was typed
    await expect(form.submit()).resolves.toBeNull();
    const input = screen.getByRole('textbox', { name: /Name/ });
    await waitFor(() => expect(input).toHaveFocus());
    expect(input).toHaveAccessibleDescription('This is needed.');
    await userEvent.type(input, 'churn');
    expect(screen.queryByText('This is needed.')).toBeNull();
    await expect(form.submit()).resolves.toEqual({ value: 'done' });
    expect(send).toHaveBeenCalledTimes(1);
  });

  it('keeps what was typed when the server refuses, and shows its words until something is changed', async () => {
    const send = (): Promise<string> =>
      Promise.reject(new ApiError('problem', 'No such model.', 'List them.'));
    const form = new FormState(spec({ send }), trans);
    render(<Form form={form} />);
    await userEvent.type(screen.getByRole('textbox'), 'churn');
    await form.submit();
    expect(await screen.findByRole('alert')).toHaveTextContent('No such model.List them.');
    expect(screen.getByRole('textbox')).toHaveValue('churn');
    await userEvent.type(screen.getByRole('textbox'), '2');
    expect(screen.queryByText('No such model.')).toBeNull();
  });

  it('is sent once, however often it is asked to', async () => {
    let answer: (value: string) => void = () => undefined;
    const send = vi.fn(() => new Promise<string>(resolve => (answer = resolve)));
    const form = new FormState(spec({ fields: [], send }), trans);
    const first = form.submit();
    await expect(form.submit()).resolves.toBeNull();
    expect(form.look().busy).toBe(true);
    answer('done');
    await expect(first).resolves.toEqual({ value: 'done' });
    expect(send).toHaveBeenCalledTimes(1);
  });

  it('follows what was chosen, but leaves alone what a person has typed', async () => {
    const fields: readonly Field[] = [{ ...NAME, name: 'model' }, NAME];
    const follow = (changed: string, values: Values): Values | null =>
      changed === 'model' ? { name: textOf(values, 'model') } : null;
    const form = new FormState(spec({ fields, follow }), trans);
    form.change('model', 'churn');
    await waitFor(() => expect(form.look().values.name).toBe('churn'));
    form.change('name', 'mine');
    form.change('model', 'forest');
    await Promise.resolve();
    expect(form.look().values).toEqual({ model: 'forest', name: 'mine' });
  });

  it('sends nothing of fields that are not asked', async () => {
    const fields: readonly Field[] = [
      { kind: 'check', name: 'tls', label: 'TLS' },
      { kind: 'number', name: 'port', label: 'Port', initial: 1, when: values => values.tls === true }
    ];
    const send = vi.fn((values: Values) => Promise.resolve(numberOf(values, 'port')));
    await new FormState({ ...spec(), fields, send }, trans).submit();
    expect(send).toHaveBeenCalledWith({ tls: false });
  });

  it('adds and removes pairs by keyboard', async () => {
    const field: Field = {
      kind: 'pairs',
      name: 'tags',
      label: 'Tags',
      keyLabel: 'Tag',
      valueLabel: 'Value',
      addLabel: 'Add a tag'
    };
    const form = new FormState(spec({ fields: [field] }), trans);
    render(<Form form={form} />);
    screen.getByRole('button', { name: 'Add a tag' }).focus();
    await userEvent.keyboard('{Enter}');
    await waitFor(() => expect(screen.getByRole('textbox', { name: 'Tag 1' })).toHaveFocus());
    await userEvent.keyboard('team{Tab}risk');
    expect(form.look().values.tags).toEqual([['team', 'risk']]);
    await userEvent.click(screen.getByRole('button', { name: 'Remove team' }));
    expect(form.look().values.tags).toEqual([]);
  });
});

describe('a combobox', () => {
  const field: Field = {
    kind: 'combo',
    name: 'model',
    label: 'Model',
    suggest: () =>
      Promise.resolve([{ value: 'churn:2', note: 'sklearn' }, { value: 'churn:1' }, { value: 'forest:1' }])
  };

  it('is opened, walked and chosen from with the keyboard, and Escape closes the list alone', async () => {
    const form = new FormState(spec({ fields: [field] }), trans);
    render(<Form form={form} />);
    const input = screen.getByRole('combobox', { name: 'Model' });
    input.focus();
    await userEvent.keyboard('{ArrowDown}');
    await screen.findByRole('listbox', { name: 'Model' });
    await userEvent.keyboard('chu');
    expect(screen.getAllByRole('option').map(one => one.textContent)).toEqual(['churn:2sklearn', 'churn:1']);
    await userEvent.keyboard('{ArrowDown}{ArrowDown}');
    expect(screen.getByRole('option', { selected: true })).toHaveTextContent('churn:1');
    await userEvent.keyboard('{Enter}');
    expect(input).toHaveValue('churn:1');
    expect(screen.queryByRole('listbox')).toBeNull();
    await userEvent.keyboard('{ArrowDown}');
    // What is there already does not hide the others.
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(3));
    await userEvent.keyboard('{Escape}');
    expect(screen.queryByRole('listbox')).toBeNull();
    expect(input).toHaveValue('churn:1');
  });

  it('shows nothing of what it suggested before, which another answer would move under the mouse', async () => {
    let answer: (options: readonly Option[]) => void = () => undefined;
    const suggest = (): Promise<readonly Option[]> => new Promise(resolve => (answer = resolve));
    render(<Form form={new FormState(spec({ fields: [{ ...field, suggest }] }), trans)} />);
    const input = screen.getByRole('combobox');
    await userEvent.click(input);
    answer([{ value: 'churn:1' }]);
    await screen.findByRole('option', { name: 'churn:1' });
    await userEvent.keyboard('{Escape}');
    await userEvent.click(input);
    expect(screen.queryByRole('option')).toBeNull();
    answer([{ value: 'churn:2' }, { value: 'churn:1' }]);
    await waitFor(() => expect(screen.getAllByRole('option')).toHaveLength(2));
  });

  it('goes on when its list is scrolled by mouse, and closes when another field is gone to', async () => {
    render(<Form form={new FormState(spec({ fields: [field, NAME] }), trans)} />);
    await userEvent.click(screen.getByRole('combobox'));
    const list = await screen.findByRole('listbox');
    expect(fireEvent.mouseDown(list)).toBe(false); // which keeps the focus where it is
    await userEvent.keyboard('{Tab}');
    expect(screen.getByRole('textbox')).toHaveFocus();
    await waitFor(() => expect(screen.queryByRole('listbox')).toBeNull());
  });

  it('lets other text be typed where completion fails', async () => {
    const suggest = (): Promise<never> => Promise.reject(new Error('gone'));
    const form = new FormState(spec({ fields: [{ ...field, suggest }] }), trans);
    render(<Form form={form} />);
    await userEvent.type(screen.getByRole('combobox'), 'mine:7');
    expect(form.look().values.model).toBe('mine:7');
    expect(screen.queryByRole('alert')).toBeNull();
  });
});

// Lab shows its dialogs by its own style sheet, which is not here.
const HIDDEN = { hidden: true };

describe('the dialog', () => {
  const button = (name: string): HTMLElement => screen.getByRole('button', { name, hidden: true });

  it('stays open until the server has taken it, and Enter sends it', async () => {
    let isRefused = true;
    const send = (): Promise<string> =>
      isRefused ? Promise.reject(new ApiError('problem', 'Not yet.')) : Promise.resolve('taken');
    const asked = askForm(spec({ fields: [{ ...NAME, initial: 'x' }], send }), trans);
    const input = await screen.findByRole('textbox', HIDDEN);
    fireEvent.keyDown(input, { key: 'Enter' });
    await screen.findByText('Not yet.');
    isRefused = false;
    await userEvent.click(button('Send'));
    await expect(asked).resolves.toEqual({ value: 'taken' });
    expect(document.querySelector('.jp-Dialog')).toBeNull();
  });

  it('is left with Escape, with nothing sent', async () => {
    const send = vi.fn(() => Promise.resolve('never'));
    const asked = askForm(spec({ send }), trans);
    fireEvent.keyDown(await screen.findByRole('textbox', HIDDEN), { key: 'Escape' });
    await expect(asked).resolves.toBeNull();
    expect(send).not.toHaveBeenCalled();
  });

  it('keeps the list and the field that one is at when something behind it takes the focus for a moment', async () => {
    const suggest = (): Promise<readonly Option[]> => Promise.resolve([{ value: 'b' }]);
    const field: Field = { kind: 'combo', name: 'run', label: 'Run', suggest };
    const behind = document.body.appendChild(document.createElement('button'));
    const asked = askForm(
      spec({ fields: [NAME, field], send: values => Promise.resolve(textOf(values, 'run')) }),
      trans
    );
    await userEvent.type(await screen.findByRole('textbox', HIDDEN), 'x');
    const input = screen.getByRole('combobox', HIDDEN);
    await userEvent.click(input);
    const option = await screen.findByRole('option', HIDDEN);
    behind.focus(); // as Lab's launcher does when it has started, and any file that opens
    expect(input).toHaveFocus();
    await new Promise(resolve => setTimeout(resolve, 20));
    expect(option).toBeInTheDocument();
    await userEvent.click(option);
    await userEvent.click(button('Send'));
    await expect(asked).resolves.toEqual({ value: 'b' });
    behind.remove();
  });

  it('tells what came of it also when it was closed meanwhile', async () => {
    let answer: (value: string) => void = () => undefined;
    const asked = askForm(
      spec({ fields: [], send: () => new Promise(resolve => (answer = resolve)) }),
      trans
    );
    await userEvent.click(await screen.findByRole('button', { name: 'Send', ...HIDDEN }));
    await screen.findByText('Asking the server…');
    await userEvent.click(button('Cancel'));
    answer('late');
    await expect(asked).resolves.toEqual({ value: 'late' });
  });
});
