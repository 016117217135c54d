import { afterEach, describe, expect, it } from 'vitest';

import { keepFocus } from './focus';

const root = document.createElement('div');
let stop = (): void => undefined;

function made(html: string, focused: string): Element {
  root.innerHTML = html;
  document.body.append(root);
  stop = keepFocus(root);
  const element = root.querySelector<HTMLElement>(focused);
  element?.focus();
  return element ?? root;
}

/** Observers are told after what goes on now. */
const told = (): Promise<void> => Promise.resolve();

describe('the focus of what goes away', () => {
  afterEach(() => {
    stop();
    root.remove();
  });

  it.each([
    ['what follows', '<p><button id="a"></button><button id="b"></button><button id="c"></button></p>', 'c'],
    ['what stands before', '<p><button id="a"></button><button id="b"></button></p>', 'a'],
    [
      'what can be focused',
      '<p><button id="b"></button><button disabled></button></p><button id="d"></button>',
      'd'
    ],
    ['what it stood in', '<p tabindex="0" id="p"><i><button id="b"></button></i><button></button></p>', 'p']
  ])('goes to %s', async (_, html, next) => {
    made(html, '#b').remove();
    await told();
    expect(document.activeElement?.id).toBe(next);
  });

  it('goes on behind a dialog in which that was confirmed', async () => {
    const gone = made('<p><button id="b"></button><button id="c"></button></p>', '#b');
    const dialog = document.createElement('dialog');
    dialog.className = 'jp-Dialog';
    dialog.innerHTML = '<button></button>';
    dialog.open = true;
    document.body.append(dialog);
    dialog.querySelector('button')?.focus();
    gone.remove();
    await told();
    expect(dialog.contains(document.activeElement)).toBe(true);
    dialog.remove();
    await told();
    expect(document.activeElement?.id).toBe('c');
  });

  it('is not taken from who pressed somewhere else before', async () => {
    const gone = made('<button id="b"></button><button id="c"></button>', '#b');
    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }));
    (document.activeElement as HTMLElement).blur();
    gone.remove();
    await told();
    expect(document.activeElement).toBe(document.body);
  });
});
