/** Which axes parallel coordinates have, in which order, and of which scale. */

import { useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { matcher } from '../common/filter';
import { keyOf } from './axes';
import type { Axis, Scale, Source } from './axes';
import { ChooseScale, sourceName } from './choose';
import { shorten } from './model';
import { Popover } from './popover';

/** Names beyond these are found by typing. */
const MOST_SHOWN = 100;

export interface AxesMenuProps {
  readonly sources: readonly Source[];
  readonly axes: readonly Axis[];
  readonly onPick: (sources: readonly Source[]) => void;
  readonly onScale: (source: Source, scale: Scale) => void;
}

export function AxesMenu({ sources, axes, onPick, onScale }: AxesMenuProps): JSX.Element {
  const trans = useTrans();
  const [filter, setFilter] = useState('');
  const chosen = axes.map(axis => axis.source);
  const taken = new Set(chosen.map(keyOf));
  const passes = matcher(filter);
  const rest = sources.filter(source => !taken.has(keyOf(source)) && passes(sourceName(source, trans)));
  const move = (index: number, by: number): void => {
    const next = [...chosen];
    const [one] = next.splice(index, 1);
    if (one) {
      next.splice(index + by, 0, one);
      onPick(next);
    }
  };
  return (
    <Popover button={trans.__('Axes: %1', axes.length)} label={trans.__('Axes')}>
      <div className="jp-Mlops-axesMenu">
        <ul aria-label={trans.__('Chosen axes')}>
          {axes.map((axis, index) => (
            <ChosenAxis
              key={keyOf(axis.source)}
              axis={axis}
              onScale={scale => onScale(axis.source, scale)}
              onLeft={index > 0 ? () => move(index, -1) : null}
              onRight={index < axes.length - 1 ? () => move(index, 1) : null}
              onRemove={() => onPick(chosen.filter((_, at) => at !== index))}
            />
          ))}
        </ul>
        <input
          type="search"
          className="jp-Mlops-compareInput"
          placeholder={trans.__('Find one to add')}
          aria-label={trans.__('Find parameters and metrics to add as axes')}
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
        <ul aria-label={trans.__('Axes to add')} className="jp-Mlops-pickerList">
          {rest.slice(0, MOST_SHOWN).map(source => (
            <li key={keyOf(source)}>
              <button type="button" onClick={() => onPick([...chosen, source])}>
                <bdi className="jp-Mlops-pickerName">{shorten(sourceName(source, trans), 80)}</bdi>
              </button>
            </li>
          ))}
        </ul>
      </div>
    </Popover>
  );
}

function ChosenAxis(props: {
  readonly axis: Axis;
  readonly onScale: (scale: Scale) => void;
  readonly onLeft: (() => void) | null;
  readonly onRight: (() => void) | null;
  readonly onRemove: () => void;
}): JSX.Element {
  const { axis, onScale, onLeft, onRight, onRemove } = props;
  const trans = useTrans();
  const name = shorten(sourceName(axis.source, trans), 60);
  return (
    <li>
      <bdi className="jp-Mlops-pickerName" title={name}>
        {name}
      </bdi>
      <ChooseScale
        label={trans.__('Scale of %1', name)}
        scales={axis.scales}
        chosen={axis.scale}
        onChoose={onScale}
      />
      <Small label={trans.__('Move %1 to the left', name)} onClick={onLeft} text="←" />
      <Small label={trans.__('Move %1 to the right', name)} onClick={onRight} text="→" />
      <Small label={trans.__('Remove the axis %1', name)} onClick={onRemove} text="×" />
    </li>
  );
}

function Small(props: {
  readonly label: string;
  readonly text: string;
  readonly onClick: (() => void) | null;
}): JSX.Element {
  return (
    <button
      type="button"
      className="jp-Mlops-compareRemove"
      aria-label={props.label}
      title={props.label}
      disabled={props.onClick === null}
      onClick={() => props.onClick?.()}
    >
      {props.text}
    </button>
  );
}
