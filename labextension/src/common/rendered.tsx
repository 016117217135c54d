/** What Lab's own renderers draw of data that is not trusted. */

import type { MimeModel } from '@jupyterlab/rendermime';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { useLayoutEffect, useRef } from 'react';
import type { JSX } from 'react';

import { useSession } from '../api/context';

type Data = ConstructorParameters<typeof MimeModel>[0] extends { data?: infer D } | undefined ? D : never;

/** A MIME bundle as a notebook that is not trusted shows it: sanitised, without scripts. */
export function Rendered(props: {
  readonly data: NonNullable<Data>;
  readonly className?: string;
  /** What to show where Lab has no renderer for it. */
  readonly otherwise?: string;
}): JSX.Element {
  const { data, otherwise = '' } = props;
  const host = useRef<HTMLDivElement>(null);
  const { rendermime } = useSession().lab;
  // Not after the page has changed: a widget is taken away while it is there.
  useLayoutEffect(() => {
    const node = host.current;
    const mimeType = rendermime?.preferredMimeType(data, 'any');
    if (!node || !rendermime || mimeType === undefined) {
      node?.replaceChildren(otherwise);
      return;
    }
    const renderer = rendermime.createRenderer(mimeType);
    node.replaceChildren();
    // Attached as a widget: charts measure what they are in.
    Widget.attach(renderer, node);
    renderer.renderModel(rendermime.createModel({ data, trusted: false })).catch((error: unknown) => {
      node.textContent = error instanceof Error ? error.message : String(error);
    });
    const observer = new ResizeObserver(() =>
      MessageLoop.postMessage(renderer, Widget.ResizeMessage.UnknownSize)
    );
    observer.observe(node);
    return () => {
      observer.disconnect();
      renderer.dispose();
    };
  }, [rendermime, data, otherwise]);
  return <div ref={host} className={`jp-Mlops-rendered ${props.className ?? ''}`} />;
}
