/** A lineage drawn with React Flow, which is loaded with this module. */

import '@xyflow/react/dist/base.css';

import { Handle, Panel, Position, ReactFlow, ReactFlowProvider, useReactFlow } from '@xyflow/react';
import type { Edge as FlowEdge, Node as FlowNode, NodeProps } from '@xyflow/react';
import { createContext, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { StatusIcon } from '../common/icons';
import { useScale } from '../common/scale';
import { IconButton } from '../common/ui/button';
import { KindIcon } from './icons';
import { BOX, isBetterDown, neighbour, placeOf } from './model';
import type { Box, Drawing } from './model';
import { said, sentence } from './words';

export interface GraphProps {
  readonly drawing: Drawing;
  /** The id of the thing itself. */
  readonly root: string;
  readonly onPick: (box: Box) => void;
}

const FIT = { padding: 0.08, maxZoom: 1.1 } as const;

type BoxNode = FlowNode<{ readonly box: Box }, 'box'>;

interface Shown extends GraphProps {
  readonly isDown: boolean;
  /** How much larger Lab's font is than its own: so are the boxes. */
  readonly scale: number;
}

const Shared = createContext<Shown | null>(null);

const NODE_TYPES = { box: BoxView };

export function Graph(props: GraphProps): JSX.Element {
  const trans = useTrans();
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) {
      return;
    }
    const measure = (): void => setSize({ width: element.clientWidth, height: element.clientHeight });
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const [probe, scale] = useScale();
  const isDown = isBetterDown(props.drawing, size.width / scale, size.height / scale);
  const shown = useMemo(() => ({ ...props, isDown, scale }), [props, isDown, scale]);
  return (
    <div
      ref={frame}
      className="jp-Mlops-flow"
      role="group"
      aria-label={trans.__('Lineage graph. Arrow keys go from box to box, Enter opens.')}
    >
      <span className="jp-Mlops-em" ref={probe} />
      {size.width > 0 && (
        <ReactFlowProvider>
          <Shared.Provider value={shown}>
            <Flow {...shown} />
          </Shared.Provider>
        </ReactFlowProvider>
      )}
    </div>
  );
}

function Flow({ drawing, root, isDown, scale }: Shown): JSX.Element {
  const flow = useReactFlow();
  const nodes = useMemo(
    () =>
      drawing.boxes.map((box): BoxNode => ({
        id: box.id,
        type: 'box',
        position: placeOf(box, isDown, scale),
        width: BOX.width * scale,
        height: BOX.height * scale,
        data: { box }
      })),
    [drawing, isDown, scale]
  );
  const edges = useMemo(
    () =>
      drawing.edges.map((edge): FlowEdge => {
        const isNear = edge.source === root || edge.target === root;
        return { ...edge, focusable: false, className: isNear ? 'jp-mod-near' : '' };
      }),
    [drawing, root]
  );
  const shape = `${isDown} ${scale} ${drawing.boxes.map(box => box.id).join(' ')}`;
  useEffect(() => {
    void flow.fitView(FIT);
  }, [flow, shape]);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      fitView
      fitViewOptions={FIT}
      minZoom={0.1}
      maxZoom={2}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      disableKeyboardA11y
      deleteKeyCode={null}
      selectionKeyCode={null}
    >
      <Zoom />
    </ReactFlow>
  );
}

function Zoom(): JSX.Element {
  const trans = useTrans();
  const flow = useReactFlow();
  return (
    <Panel position="bottom-left" className="jp-Mlops-zoom">
      <IconButton label={trans.__('Zoom in')} onClick={() => void flow.zoomIn()}>
        <Sign path="M8 3V13M3 8H13" />
      </IconButton>
      <IconButton label={trans.__('Zoom out')} onClick={() => void flow.zoomOut()}>
        <Sign path="M3 8H13" />
      </IconButton>
      <IconButton label={trans.__('Show all of it')} onClick={() => void flow.fitView(FIT)}>
        <Sign path="M2.5 6V2.5H6M10 2.5H13.5V6M13.5 10V13.5H10M6 13.5H2.5V10" />
      </IconButton>
    </Panel>
  );
}

function Sign({ path }: { readonly path: string }): JSX.Element {
  return (
    <svg viewBox="0 0 16 16" width="14" height="14" fill="none" strokeWidth="1.6" aria-hidden="true">
      <path d={path} strokeLinecap="round" />
    </svg>
  );
}

function BoxView({ data: { box } }: NodeProps<BoxNode>): JSX.Element | null {
  const trans = useTrans();
  const flow = useReactFlow();
  const shared = useContext(Shared);
  if (!shared) {
    return null;
  }
  const { kind, name, state, tone } = said(box, trans);
  const label = sentence(box, shared.drawing.boxes, trans);
  const marks = [
    'jp-Mlops-box',
    `jp-mod-${box.kind}`,
    box.id === shared.root && 'jp-mod-root',
    box.node === null && 'jp-mod-folded',
    box.node?.missing && 'jp-mod-missing'
  ];
  return (
    <>
      <Handle type="target" position={shared.isDown ? Position.Top : Position.Left} isConnectable={false} />
      <button
        type="button"
        className={marks.filter(Boolean).join(' ')}
        data-box={box.id}
        title={label.slice(0, 500)}
        aria-label={label.slice(0, 500)}
        aria-current={box.id === shared.root || undefined}
        onClick={() => shared.onPick(box)}
        onKeyDown={event => {
          const next = neighbour(shared.drawing.boxes, box.id, event.key, shared.isDown);
          if (next) {
            event.preventDefault();
            const flowing = event.currentTarget.closest('.jp-Mlops-flow');
            flowing?.querySelector<HTMLElement>(`[data-box="${CSS.escape(next.id)}"]`)?.focus();
          }
        }}
        onFocus={event => {
          // By keyboard only: a click must not move what is under the mouse.
          if (event.currentTarget.matches(':focus-visible') && !isInside(event.currentTarget)) {
            const { x, y } = placeOf(box, shared.isDown, shared.scale);
            const [right, down] = [(BOX.width * shared.scale) / 2, (BOX.height * shared.scale) / 2];
            void flow.setCenter(x + right, y + down, { zoom: flow.getZoom() });
          }
        }}
      >
        <KindIcon kind={box.kind} />
        <span className="jp-Mlops-boxText">
          <span className="jp-Mlops-boxKind">{kind}</span>
          <bdi className="jp-Mlops-boxName">{name}</bdi>
          <span className="jp-Mlops-boxState">
            {tone && <StatusIcon tone={tone} title="" />}
            <bdi>{state}</bdi>
          </span>
        </span>
      </button>
      <Handle
        type="source"
        position={shared.isDown ? Position.Bottom : Position.Right}
        isConnectable={false}
      />
    </>
  );
}

function isInside(element: HTMLElement): boolean {
  const frame = element.closest('.jp-Mlops-flow')?.getBoundingClientRect();
  const own = element.getBoundingClientRect();
  return (
    frame !== undefined &&
    own.left >= frame.left &&
    own.right <= frame.right &&
    own.top >= frame.top &&
    own.bottom <= frame.bottom
  );
}
