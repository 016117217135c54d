/** Lab's own menu with our commands. */

import { Menu } from '@lumino/widgets';
import { useCallback, useEffect, useState } from 'react';

import { useSession } from '../api/context';
import { openAt } from '../common/menu';
import type { Place } from '../tree/row';
import type { MenuEntry } from './menu';

/** Return what shows a menu at a place of the window. The focus goes back to where it was. */
export function useMenu(): (entries: readonly MenuEntry[], place: Place) => void {
  const { commands } = useSession().lab;
  const [menu] = useState(() => new Menu({ commands }));
  useEffect(() => () => menu.dispose(), [menu]);
  return useCallback(
    (entries, { x, y }) => {
      menu.clearItems();
      for (const entry of entries) {
        if (entry === 'separator') {
          menu.addItem({ type: 'separator' });
        } else if (commands.hasCommand(entry.command)) {
          menu.addItem({ command: entry.command, args: entry.args as Readonly<Record<string, never>> });
        }
      }
      const before = document.activeElement;
      const back = (): void => {
        menu.aboutToClose.disconnect(back);
        if (before instanceof HTMLElement && before.isConnected) {
          before.focus({ preventScroll: true });
        }
      };
      menu.aboutToClose.connect(back);
      openAt(menu, x, y);
    },
    [commands, menu]
  );
}
