/** Components that are loaded when they are first drawn, and anew where that failed. */

import { lazy } from 'react';
import type { ComponentType, JSX } from 'react';

/** React itself remembers for good that something could not be loaded. */
const failed = new Set<() => void>();

/** Let what could not be loaded be tried again when it is drawn next. */
export function forgetFailures(): void {
  failed.forEach(forget => forget());
  failed.clear();
}

/** Return a component that `load` gives, to be drawn below a `Suspense`. */
export function lazily<P extends object>(
  load: () => Promise<(props: P) => JSX.Element>
): (props: P) => JSX.Element {
  let loaded = begin();
  function begin(): ComponentType<P> {
    return lazy(async () => {
      try {
        return { default: await load() };
      } catch (error) {
        failed.add(() => (loaded = begin()));
        throw error;
      }
    }) as unknown as ComponentType<P>;
  }
  return function Lazily(props) {
    const Loaded = loaded;
    return <Loaded {...props} />;
  };
}
