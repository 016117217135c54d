/** Chooses the metrics that are shown beside runs, and the one whose shape is drawn. */

import { useId, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { clip } from '../common/format';
import { LinkButton } from '../common/ui/link';
import { useFields } from '../common/where/queries';
import { MOST_METRICS } from './model';
import type { Chosen } from './model';

/** How many names are listed at once: typing finds the others. */
const MOST_NAMES = 100;

export interface PickerProps {
  readonly chosen: Chosen;
  /** What is shown while a person has chosen nothing. */
  readonly automatic: readonly string[];
  readonly onChoose: (chosen: Chosen) => void;
  readonly onClose: () => void;
}

export function MetricPicker(props: PickerProps): JSX.Element {
  const { chosen, automatic, onChoose } = props;
  const trans = useTrans();
  const base = useId();
  const [words, setWords] = useState('');
  const names = useFields(true, 0).data?.metrics ?? [];
  const picked = chosen.metrics ?? automatic;
  // What is chosen stays in the list, also where no run has it any more.
  const all = [...new Set([...picked, ...names])];
  const found = all.filter(name => name.toLowerCase().includes(words.toLowerCase()));

  const toggle = (name: string): void => {
    const metrics = picked.includes(name) ? picked.filter(one => one !== name) : [...picked, name];
    const sparkline = chosen.sparkline && !metrics.includes(chosen.sparkline) ? null : chosen.sparkline;
    onChoose({ metrics, sparkline });
  };

  return (
    // Escape closes it wherever the focus is in it.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- as a dialog does
    <div
      className="jp-Mlops-picker"
      role="group"
      aria-labelledby={`${base}-title`}
      onKeyDown={event => {
        if (event.key === 'Escape') {
          event.stopPropagation();
          props.onClose();
        }
      }}
    >
      <div className="jp-Mlops-pickerHead">
        <strong id={`${base}-title`}>{trans.__('Metrics')}</strong>
        <LinkButton
          isDisabled={chosen.metrics === null && chosen.sparkline === null}
          onClick={() => onChoose({ metrics: null, sparkline: null })}
        >
          {trans.__('Automatic')}
        </LinkButton>
        <LinkButton onClick={props.onClose}>{trans.__('Done')}</LinkButton>
      </div>
      <input
        type="search"
        className="jp-mod-styled"
        // The picker was opened to be used.
        // eslint-disable-next-line jsx-a11y/no-autofocus -- as a dialog would
        autoFocus
        placeholder={trans.__('Find a metric')}
        aria-label={trans.__('Find a metric')}
        value={words}
        onChange={event => setWords(event.target.value)}
      />
      <Names
        names={found.slice(0, MOST_NAMES)}
        nMore={Math.max(0, found.length - MOST_NAMES)}
        picked={picked}
        onToggle={toggle}
      />
      <Curve chosen={chosen} picked={picked} onChoose={onChoose} />
    </div>
  );
}

function Names(props: {
  readonly names: readonly string[];
  readonly nMore: number;
  readonly picked: readonly string[];
  readonly onToggle: (name: string) => void;
}): JSX.Element {
  const { names, nMore, picked } = props;
  const trans = useTrans();
  const isFull = picked.length >= MOST_METRICS;
  return (
    <div className="jp-Mlops-pickerNames">
      {names.map(name => (
        <label key={name} title={clip(name)}>
          <input
            type="checkbox"
            checked={picked.includes(name)}
            disabled={isFull && !picked.includes(name)}
            onChange={() => props.onToggle(name)}
          />
          <bdi>{clip(name)}</bdi>
        </label>
      ))}
      {names.length === 0 && <span className="jp-Mlops-hint">{trans.__('No run has such a metric.')}</span>}
      {nMore > 0 && <span className="jp-Mlops-hint">{trans._n('and %1 more', 'and %1 more', nMore)}</span>}
    </div>
  );
}

function Curve({
  chosen,
  picked,
  onChoose
}: Pick<PickerProps, 'chosen' | 'onChoose'> & {
  readonly picked: readonly string[];
}): JSX.Element {
  const trans = useTrans();
  return (
    <label className="jp-Mlops-pickerCurve">
      {trans.__('Curve of')}
      <select
        className="jp-mod-styled"
        value={chosen.sparkline ?? '*'}
        onChange={event =>
          onChoose({ ...chosen, sparkline: event.target.value === '*' ? null : event.target.value })
        }
      >
        <option value="*">{trans.__('the first one')}</option>
        {picked.map(name => (
          <option key={name} value={name}>
            {clip(name, 60)}
          </option>
        ))}
        <option value="">{trans.__('none')}</option>
      </select>
    </label>
  );
}
