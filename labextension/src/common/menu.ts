/** A menu at the mouse, in Lab's own look and with its keys. */

import { CommandRegistry } from '@lumino/commands';
import { Menu } from '@lumino/widgets';

export interface MenuItem {
  readonly label: string;
  readonly onClick: () => void;
  readonly checked?: boolean;
  readonly enabled?: boolean;
}

/** Show items, with a line where one is null; to who uses the keyboard, with the first one chosen. The focus goes back. */
export function openMenu(items: readonly (MenuItem | null)[], x: number, y: number, byKey?: boolean): void {
  const commands = new CommandRegistry();
  const menu = new Menu({ commands });
  const before = document.activeElement;
  items.forEach((item, index) => {
    if (item === null) {
      menu.addItem({ type: 'separator' });
      return;
    }
    const command = `item-${index}`;
    commands.addCommand(command, {
      label: item.label,
      execute: item.onClick,
      isToggled: () => item.checked ?? false,
      isToggleable: item.checked !== undefined,
      isEnabled: () => item.enabled ?? true
    });
    menu.addItem({ command });
  });
  menu.aboutToClose.connect(() => {
    if (before instanceof HTMLElement) {
      before.focus({ preventScroll: true });
    }
    // What was chosen is run after this.
    setTimeout(() => menu.dispose());
  });
  openAt(menu, x, y, byKey);
}

/** Open a menu; to who uses the keyboard, which is seen by how the focus is shown, with its first entry chosen. */
export function openAt(menu: Menu, x: number, y: number, byKey = isFocusShown()): void {
  menu.open(x, y);
  if (byKey) {
    menu.activateNextItem();
  }
}

function isFocusShown(): boolean {
  return document.activeElement?.matches(':focus-visible') ?? false;
}
