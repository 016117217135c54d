/** A lineage drawn with React Flow, which is loaded with this module. */

import '@xyflow/react/dist/base.css';

import { Handle, Panel, Position, ReactFlow, ReactFlowProvider, useReactFlow } from '@xyflow/react';
import type { Edge as FlowEdge, Node as FlowNode, NodeProps } from '@xyflow/react';
import { createContext, useContext, useEffect, useMemo } from 'react';
import type { JSX } from 'react';

import { useTrans } from '../api/context';
import { StatusIcon } from '../common/icons';
import { IconButton } from '../common/ui/button';
import { KindIcon } from './icons';
import { BOX, neighbour } from './model';
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

const Shared = createContext<GraphProps | null>(null);

const NODE_TYPES = { box: BoxView };

/** React Flow sees to the lines before it measured a box. */
const HANDLES = [
  { type: 'target', position: Position.Left, x: 0, y: BOX.height / 2, width: 1, height: 1 },
  { type: 'source', position: Position.Right, x: BOX.width, y: BOX.height / 2, width: 1, height: 1 }
] as const;

export function Graph(props: GraphProps): JSX.Element {
  return (
    <ReactFlowProvider>
      <Shared.Provider value={props}>
        <Flow {...props} />
      </Shared.Provider>
    </ReactFlowProvider>
  );
}

function Flow({ drawing, root }: GraphProps): JSX.Element {
  const trans = useTrans();
  const flow = useReactFlow();
  const nodes = useMemo(
    () =>
      drawing.boxes.map((box): BoxNode => ({
        id: box.id,
        type: 'box',
        position: { x: box.x, y: box.y },
        width: BOX.width,
        height: BOX.height,
        handles: [...HANDLES],
        data: { box }
      })),
    [drawing]
  );
  const edges = useMemo(
    () =>
      drawing.edges.map((edge): FlowEdge => {
        const isNear = edge.source === root || edge.target === root;
        return { ...edge, focusable: false, className: isNear ? 'jp-mod-near' : '' };
      }),
    [drawing, root]
  );
  const shape = drawing.boxes.map(box => box.id).join(' ');
  useEffect(() => {
    void flow.fitView(FIT);
  }, [flow, shape]);

  return (
    <div
      className="jp-Mlops-flow"
      role="group"
      aria-label={trans.__('Lineage graph. Arrow keys go from box to box, Enter opens.')}
    >
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
    </div>
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
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        type="button"
        className={marks.filter(Boolean).join(' ')}
        data-box={box.id}
        title={label.slice(0, 500)}
        aria-label={label.slice(0, 500)}
        aria-current={box.id === shared.root || undefined}
        onClick={() => shared.onPick(box)}
        onKeyDown={event => {
          const next = neighbour(shared.drawing.boxes, box.id, event.key);
          if (next) {
            event.preventDefault();
            const flowing = event.currentTarget.closest('.jp-Mlops-flow');
            flowing?.querySelector<HTMLElement>(`[data-box="${CSS.escape(next.id)}"]`)?.focus();
          }
        }}
        onFocus={event => {
          // By keyboard only: a click must not move what is under the mouse.
          if (event.currentTarget.matches(':focus-visible') && !isInside(event.currentTarget)) {
            void flow.setCenter(box.x + BOX.width / 2, box.y + BOX.height / 2, { zoom: flow.getZoom() });
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
      <Handle type="source" position={Position.Right} isConnectable={false} />
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
