/** Chooses what a chart shows: one of the parameters, metrics and facts, and the scale of its axis. */

import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { keyOf } from './axes';
import type { Scale, Source } from './axes';
import { shorten } from './model';

const MOST_LETTERS = 60;

type Trans = ReturnType<typeof useTrans>;

/** A source's name as a person reads it. */
export function sourceName(source: Source, trans: Trans): string {
  if (source.kind !== 'fact') {
    return source.name;
  }
  return source.name === 'took' ? trans.__('took (s)') : trans.__('started');
}

export function ChooseSource(props: {
  readonly label: string;
  readonly sources: readonly Source[];
  readonly chosen: Source | null;
  readonly onChoose: (source: Source | null) => void;
  /** The text of the choice of none. */
  readonly none?: string;
}): JSX.Element {
  const { label, sources, chosen, onChoose, none } = props;
  const trans = useTrans();
  const groups = [
    { kind: 'param', title: trans.__('Parameters') },
    { kind: 'metric', title: trans.__('Metrics') },
    { kind: 'fact', title: trans.__('Run') }
  ] as const;
  return (
    <label className="jp-Mlops-choose">
      {label}
      <select
        className="jp-Mlops-compareInput"
        value={chosen ? keyOf(chosen) : ''}
        onChange={event => onChoose(sources.find(source => keyOf(source) === event.target.value) ?? null)}
      >
        {none !== undefined && <option value="">{none}</option>}
        {groups.map(({ kind, title }) => (
          <optgroup key={kind} label={title}>
            {sources
              .filter(source => source.kind === kind)
              .map(source => (
                <option key={keyOf(source)} value={keyOf(source)}>
                  {shorten(sourceName(source, trans), MOST_LETTERS)}
                </option>
              ))}
          </optgroup>
        ))}
      </select>
    </label>
  );
}

export function ChooseScale(props: {
  readonly label: string;
  readonly scales: readonly Scale[];
  readonly chosen: Scale;
  readonly onChoose: (scale: Scale) => void;
}): JSX.Element | null {
  const trans = useTrans();
  const names: Readonly<Record<Scale, string>> = {
    linear: trans.__('linear'),
    log: trans.__('logarithmic'),
    categories: trans.__('categories')
  };
  return (
    <select
      className="jp-Mlops-compareInput"
      aria-label={props.label}
      value={props.chosen}
      onChange={event => props.onChoose(event.target.value as Scale)}
    >
      {props.scales.map(scale => (
        <option key={scale} value={scale}>
          {names[scale]}
        </option>
      ))}
    </select>
  );
}
