/** What every spec needs: matchers for the DOM and a clean page. */

import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterEach } from 'vitest';

afterEach(cleanup);

// The machine may be busy with other things; what never comes is still found out.
configure({ asyncUtilTimeout: 4000 });

class Unsized {
  readonly observe = (): void => undefined;
  readonly unobserve = (): void => undefined;
  readonly disconnect = (): void => undefined;
}

// A document that is not laid out has no sizes that change, and nothing to scroll.
Object.assign(globalThis, { ResizeObserver: Unsized });
Object.assign(Element.prototype, { scrollIntoView: () => undefined });

// jsdom has none of these, and Lab’s own parts look for them as they are loaded or drawn.
Object.assign(globalThis, {
  DragEvent: class extends MouseEvent {},
  matchMedia: () => ({ matches: false, addListener: () => undefined, addEventListener: () => undefined }),
  requestIdleCallback: (callback: () => void) => setTimeout(callback)
});
