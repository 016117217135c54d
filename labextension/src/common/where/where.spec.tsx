import { screen } from '@testing-library/react';
import { userEvent } from '@testing-library/user-event';
import { useState } from 'react';
import type { JSX } from 'react';
import { describe, expect, it } from 'vitest';

import { ApiError } from '../../api/errors';
import type { RunFields } from '../../api/types';
import { HandServer } from '../../testing/server';
import { show } from '../../testing/session';
import { accept, asked, caretAt, kindOf, optionsAt } from './model';
import { WhereBox } from './view';

const FIELDS: RunFields = {
  fields: { status: 'status', started: 'time', name: 'text' },
  metrics: ['acc', 'val/auc', 'system/cpu'],
  params: ['C', 'the model'],
  tags: ['team', 'mlflow.user']
};

describe('a filter', () => {
  it.each([
    ['', 'empty'],
    ['  ', 'empty'],
    ['calm fox', 'words'],
    ['this is a name', 'words'],
    ['in like', 'words'],
    ['metrics.ac', 'where'],
    ['not (params.C', 'where'],
    ['acc>0.9', 'where'],
    ["name like 'a%'", 'where'],
    ['parent is null', 'where'],
    ["status in ('FAILED')", 'where']
  ])('%j is %s', (text, kind) => {
    expect(kindOf(text)).toBe(kind);
  });

  it('asks for names or for an expression', () => {
    expect([asked(''), asked(' calm fox '), asked('acc > 1')]).toEqual([
      {},
      { words: 'calm fox' },
      { where: 'acc > 1' }
    ]);
  });
});

describe('what can come next', () => {
  const offered = (text: string, values: readonly string[] = []): readonly string[] =>
    optionsAt(caretAt(text, text.length), FIELDS, values).map(option => option.insert);

  it.each([
    ['', ['metrics.acc', 'metrics.val/auc', 'params.C', 'params.`the model`', 'status', 'started', 'name']],
    ['ac', ['metrics.acc']],
    ['metrics.v', ['metrics.val/auc']],
    ['params.`the', ['params.`the model`']],
    ['metrics.acc > 0.5 an', ['and']],
    ['metrics.acc > 0.5 and st', ['status', 'started']],
    ['started ', ['>', '<', '>=', '<=']],
    ['started > ', ['-1h', '-1d', '-7d', '-30d']],
    ['name i', ['ilike', 'in', 'is null', 'is not null']],
    ['name is ', ['null', 'not null']],
    ['status in ', ['(']],
    ["status in ('FAILED' ", [',', ')']],
    ["name = 'x'", ['and', 'or']]
  ])('after %j is %j', (text, expected) => {
    expect(offered(text).slice(0, expected.length)).toEqual(expected);
  });

  it('are the values that runs have, quoted where they are no numbers', () => {
    expect(offered("params.C = '", ['0.5', "it's"])).toEqual(['0.5', "'it''s'"]);
  });

  it.each([
    ['ac', 'metrics.acc', 'metrics.acc '],
    ['metrics.acc>', '0.5', 'metrics.acc>0.5 '],
    ["name = 'x'", 'and', "name = 'x' and "],
    ['status in ', '(', 'status in ('],
    ["params.`the model` = 'sv", "'svm'", "params.`the model` = 'svm' "]
  ])('%j takes %j', (text, insert, result) => {
    expect(accept(text, text.length, caretAt(text, text.length), { insert, about: 'value' }).text).toBe(
      result
    );
  });

  it('is put where the caret is', () => {
    const text = 'met and name = 1';
    expect(accept(text, 3, caretAt(text, 3), { insert: 'metrics.acc', about: 'metric' })).toEqual({
      text: 'metrics.acc and name = 1',
      caret: 11
    });
  });
});

function Sample({ error }: { readonly error?: unknown }): JSX.Element {
  const [value, setValue] = useState('');
  return <WhereBox value={value} onChange={setValue} label="Filter" placeholder="Filter" error={error} />;
}

function server(): HandServer {
  const made = new HandServer();
  made.answers.set('fields', () => FIELDS);
  made.answers.set('fields/params.`the model`/values', (_, query) => ({
    values: ['svm', 'tree'].filter(one => one.startsWith(query.get('start') ?? ''))
  }));
  return made;
}

describe('the box', () => {
  it('is filled by keyboard alone', async () => {
    show(<Sample />, server());
    const box = screen.getByRole('combobox', { name: 'Filter' });
    await userEvent.type(box, 'model');
    await screen.findByRole('option', { name: /the model/ });
    await userEvent.keyboard('{ArrowDown}{Enter}');
    expect(box).toHaveValue('params.`the model` ');
    await userEvent.keyboard('=');
    await userEvent.keyboard(" 's");
    await screen.findByRole('option', { name: "'svm'" });
    await userEvent.keyboard('{ArrowDown}{Tab}');
    expect(box).toHaveValue("params.`the model` = 'svm' ");
    expect(box).toHaveFocus();
    await userEvent.keyboard('{Escape}{Escape}');
    expect(box).toHaveValue('');
  });

  it('takes nothing at Enter that nobody chose, and what is clicked', async () => {
    show(<Sample />, server());
    const box = screen.getByRole('combobox', { name: 'Filter' });
    await userEvent.type(box, 'ac');
    const option = await screen.findByRole('option', { name: /metrics\.acc/ });
    await userEvent.keyboard('{Enter}');
    expect(box).toHaveValue('ac');
    await userEvent.click(option);
    expect(box).toHaveValue('metrics.acc ');
    expect(box).toHaveFocus();
  });

  it('asks for no names before somebody types, and works where there are none', async () => {
    const made = server();
    made.refuse.set('fields', () => new Response('no', { status: 500 }));
    show(<Sample />, made);
    expect(made.asked).toEqual([]);
    await userEvent.type(screen.getByRole('combobox'), 'acc > 1');
    expect(screen.getByRole('combobox')).toHaveValue('acc > 1');
    expect(screen.getByRole('combobox')).toHaveAttribute('aria-expanded', 'false');
  });

  it('says what is wrong in a sentence of its own', () => {
    show(<Sample error={new ApiError('problem', '--where cannot be read at column 3.')} />, server());
    expect(screen.getByRole('combobox')).toHaveAccessibleDescription(
      'The filter cannot be read at column 3.'
    );
  });
});
