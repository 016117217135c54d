/** Chooses the columns among the names that runs have. */

import { useEffect, useId, useRef, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { matcher } from '../common/filter';
import { Button } from '../common/ui/button';
import { OWN, fieldOf, isOurs } from './model';
import type { Field, KnownField } from './model';

/** Names that are drawn at once; typing narrows them. */
const MOST = 200;

export interface PickerProps {
  readonly known: readonly KnownField[];
  readonly chosen: readonly string[];
  readonly ownWords: Readonly<Record<string, string>>;
  readonly onChoose: (id: string, isChosen: boolean) => void;
  readonly onReset: () => void;
  readonly onClose: () => void;
}

interface Choice {
  readonly id: string;
  readonly label: string;
  readonly n: number | null;
}

export function Picker(props: PickerProps): JSX.Element {
  const trans = useTrans();
  const [text, setText] = useState('');
  const box = useRef<HTMLDivElement>(null);
  const { onClose } = props;
  useEffect(() => {
    const onPress = (event: PointerEvent): void => {
      if (!box.current?.parentElement?.contains(event.target as Node)) {
        onClose();
      }
    };
    document.addEventListener('pointerdown', onPress, true);
    return () => document.removeEventListener('pointerdown', onPress, true);
  }, [onClose]);
  const groups = choicesOf(props.known, props.ownWords, text);
  const titles: Readonly<Record<Field['group'], string>> = {
    '': trans.__('Run'),
    metrics: trans.__('Metrics'),
    params: trans.__('Parameters'),
    tags: trans.__('Tags')
  };
  const n = groups.reduce((sum, [, choices]) => sum + choices.length, 0);
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Escape closes it wherever in it the focus is
    <div
      ref={box}
      role="dialog"
      aria-label={trans.__('Columns')}
      className="jp-MlopsTable-picker"
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          onClose();
        }
      }}
    >
      <input
        type="search"
        className="jp-mod-styled"
        // eslint-disable-next-line jsx-a11y/no-autofocus -- a person opened it to look for a name
        autoFocus
        aria-label={trans.__('Search for a column')}
        placeholder={trans.__('Search %1 names', String(n))}
        value={text}
        onChange={event => setText(event.currentTarget.value)}
      />
      <div className="jp-MlopsTable-choices">
        {groups.map(([group, choices]) => (
          <Choices key={group} {...props} title={titles[group]} choices={choices} />
        ))}
        {n === 0 && <p>{trans.__('No run has anything of this name.')}</p>}
      </div>
      <div className="jp-MlopsTable-pickerFoot">
        <Button onClick={props.onReset}>{trans.__('Reset')}</Button>
        <Button onClick={onClose} tone="accept">
          {trans.__('Done')}
        </Button>
      </div>
    </div>
  );
}

function Choices(
  props: PickerProps & { readonly title: string; readonly choices: readonly Choice[] }
): JSX.Element | null {
  const trans = useTrans();
  const id = useId();
  const { choices, chosen } = props;
  if (!choices.length) {
    return null;
  }
  const rest = choices.length - MOST;
  return (
    <fieldset aria-labelledby={id}>
      <div id={id} className="jp-MlopsTable-choiceTitle">
        {props.title}
      </div>
      {choices.slice(0, MOST).map(choice => (
        <label key={choice.id} title={choice.id.slice(0, 500)}>
          <input
            type="checkbox"
            checked={chosen.includes(choice.id)}
            disabled={choice.id === 'name'}
            onChange={event => props.onChoose(choice.id, event.currentTarget.checked)}
          />
          <bdi>{choice.label.slice(0, 300)}</bdi>
          {choice.n !== null && (
            <span title={trans._n('%1 of the newest runs has it', '%1 of the newest runs have it', choice.n)}>
              {choice.n.toLocaleString()}
            </span>
          )}
        </label>
      ))}
      {rest > 0 && <p>{trans.__('%1 more: type to find them', String(rest))}</p>}
    </fieldset>
  );
}

/** The names in their groups; what MLflow and we note ourselves comes last. */
export function choicesOf(
  known: readonly KnownField[],
  ownWords: Readonly<Record<string, string>>,
  text: string
): readonly (readonly [Field['group'], readonly Choice[]])[] {
  const passes = matcher(text);
  const own = OWN.map(id => ({ id, label: ownWords[id] ?? id, n: null })).filter(one =>
    passes(one.label, one.id)
  );
  const rest = (['metrics', 'params', 'tags'] as const).map(group => {
    const choices = known
      .map(({ field, n_runs }) => ({ id: field, label: fieldOf(field).key, n: n_runs ?? null, field }))
      .filter(one => fieldOf(one.field).group === group && passes(one.id))
      .sort((a, b) => Number(isOurs(a.id)) - Number(isOurs(b.id)));
    return [group, choices] as const;
  });
  return [['', own], ...rest];
}
