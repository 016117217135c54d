/** Keeps the focus in a view when what has it goes away: a button that has done its work, a row that was left out. */

const FOCUSABLE = 'a[href], button, input, select, textarea, [tabindex]:not([tabindex="-1"])';

interface Place {
  readonly parent: Element;
  /** What stood before it there. */
  readonly before: Element | null;
}

/** Give the focus to what is nearest to what had it and is gone; returns what ends that. */
export function keepFocus(root: HTMLElement): () => void {
  let focused: Element | null = null;
  let places: readonly Place[] = [];
  const remember = ({ target }: Event): void => {
    if (target instanceof Element && target.closest('.jp-Dialog')) {
      return; // it gives the focus back, if to what is still there
    }
    const isOurs = target instanceof Element && target !== root && root.contains(target);
    focused = isOurs ? target : null;
    places = isOurs ? placesOf(target, root) : [];
  };
  // Who presses somewhere else has left it.
  const forget = (): void => {
    focused = null;
  };
  const look = (): void => {
    const { activeElement, body } = root.ownerDocument;
    const isLost = !activeElement || activeElement === body;
    // Asked last: it has the page's styles reckoned, and a live view changes many times a second.
    if (focused && isLost && root.isConnected && isGone(focused)) {
      focused = null;
      focusNear(places);
    }
  };
  const lookSoon = (): void => void setTimeout(look, 0);
  const observer = new MutationObserver(look);
  observer.observe(root, { childList: true, subtree: true });
  observer.observe(document.body, { childList: true }); // where dialogs come and go
  document.addEventListener('focusin', remember);
  root.addEventListener('focusout', lookSoon); // what is hidden is told by this alone
  document.addEventListener('pointerdown', forget, true);
  return () => {
    observer.disconnect();
    document.removeEventListener('focusin', remember);
    root.removeEventListener('focusout', lookSoon);
    document.removeEventListener('pointerdown', forget, true);
  };
}

function isGone(element: Element): boolean {
  return !element.isConnected || getComputedStyle(element).visibility === 'hidden' || isUndrawn(element);
}

/** Only browsers that draw know. */
function isUndrawn(element: Element): boolean {
  return 'checkVisibility' in element && !element.checkVisibility();
}

function placesOf(element: Element, root: Element): readonly Place[] {
  const places: Place[] = [];
  let at = element;
  while (at !== root && at.parentElement) {
    places.push({ parent: at.parentElement, before: at.previousElementSibling });
    at = at.parentElement;
  }
  return places;
}

/** In the first of the parents that is still there and has something: itself, else what follows, else what stands before. */
function focusNear(places: readonly Place[]): void {
  for (const { parent, before } of places) {
    if (!parent.isConnected) {
      continue;
    }
    const inside = [...parent.querySelectorAll<HTMLElement>(FOCUSABLE)];
    const isAfter = (one: Element): boolean =>
      !before?.isConnected || (before.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;
    const isInBefore = (one: Element): boolean => before?.contains(one) ?? false;
    const after = inside.filter(one => isAfter(one) && !isInBefore(one));
    const ahead = inside.filter(one => !after.includes(one)).reverse();
    const itself = parent instanceof HTMLElement && parent.matches(FOCUSABLE) ? [parent] : [];
    if ([...itself, ...after, ...ahead].some(takes)) {
      return;
    }
  }
}

/** What is hidden or disabled takes no focus. */
function takes(element: HTMLElement): boolean {
  element.focus({ preventScroll: true });
  return element.ownerDocument.activeElement === element;
}
