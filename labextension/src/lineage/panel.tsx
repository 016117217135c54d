/** Where a run, a model or a service comes from and what came of it: as a graph, or as a list. */

import '../../style/lineage.css';

import { Suspense, useMemo, useState } from 'react';
import type { JSX } from 'react';

import { useLive, useSession, useTrans } from '../api/context';
import { CommandIDs } from '../commands';
import { lazily } from '../common/lazily';
import { Button } from '../common/ui/button';
import { Busy, Failed, Stale } from '../common/ui/states';
import { KindIcon } from './icons';
import { layout } from './model';
import type { Box, NodeKind } from './model';
import { sentence } from './words';

const Graph = lazily(async () => (await import('./graph')).Graph);

export interface LineageProps {
  readonly kind: 'run' | 'model' | 'service';
  /** A run's id, `NAME:VERSION` of a model, a service. */
  readonly name: string;
  /** Take a click on a box in place of opening a widget: true says that it was taken. */
  readonly onPick?: (box: Box) => boolean;
}

export function Lineage({ kind, name, onPick }: LineageProps): JSX.Element {
  const session = useSession();
  const trans = useTrans();
  const { data, error } = useLive({
    key: ['lineage', kind, name],
    fn: signal =>
      session.client.get('/lineage/{kind}/{ref}', {
        path: { kind, ref: name },
        query: { onward: true },
        signal
      })
  });
  const [unfolded, setUnfolded] = useState<ReadonlySet<NodeKind>>(new Set());
  const [isList, setIsList] = useState(false);
  const drawing = useMemo(() => data && layout(data, unfolded), [data, unfolded]);
  if (!drawing) {
    return error ? <Failed error={error} /> : <Busy label={trans.__('Following the lineage')} />;
  }
  const root = data?.nodes[0]?.id ?? '';
  const pick = (box: Box): void => {
    if (box.node === null) {
      setUnfolded(new Set(unfolded).add(box.kind));
    } else if (!onPick?.(box) && box.opens) {
      void session.run(CommandIDs.open, box.opens);
    }
  };
  return (
    <div className="jp-Mlops-lineage">
      <Stale error={error} />
      <div className="jp-Mlops-lineageBar">
        <span className="jp-Mlops-lineageNote">
          {trans.__('From what it came from, to what came of it.')}
        </span>
        {unfolded.size > 0 && (
          <Button onClick={() => setUnfolded(new Set())}>{trans.__('Fold again')}</Button>
        )}
        <Button pressed={isList} onClick={() => setIsList(!isList)}>
          {trans.__('As a list')}
        </Button>
      </div>
      {isList ? (
        <List boxes={drawing.boxes} root={root} onPick={pick} />
      ) : (
        <Suspense fallback={<Busy label={trans.__('Drawing')} />}>
          <Graph drawing={drawing} root={root} onPick={pick} />
        </Suspense>
      )}
    </div>
  );
}

function List(props: {
  readonly boxes: readonly Box[];
  readonly root: string;
  readonly onPick: (box: Box) => void;
}): JSX.Element {
  const trans = useTrans();
  return (
    <ul className="jp-Mlops-lineageList" aria-label={trans.__('Lineage')}>
      {props.boxes.map(box => (
        <li key={box.id} aria-current={box.id === props.root || undefined}>
          <button type="button" onClick={() => props.onPick(box)} aria-disabled={isDead(box) || undefined}>
            <KindIcon kind={box.kind} />
            <bdi>{sentence(box, props.boxes, trans)}</bdi>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Nothing happens at a click. */
export function isDead(box: Box): boolean {
  return box.node !== null && box.opens === null;
}
