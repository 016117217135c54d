/** What a person set in Lab's settings editor. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';

/** Which ends of runs and activities are told of that were not begun by a click here. */
export type Told = 'all' | 'failed' | 'none';

export interface ShellSettings {
  readonly notifications: Told;
  /** Whether to ask before runs go to the trash. */
  readonly confirmDeletes: boolean;
  /** Whether the status bar says what is running. */
  readonly status: boolean;
}

export const DEFAULTS: ShellSettings = { notifications: 'all', confirmDeletes: true, status: true };

export class Settings {
  private values = DEFAULTS;
  private readonly listeners: (() => void)[] = [];

  /** Read them now, and again whenever they are changed; without a registry the defaults hold. */
  async follow(registry: ISettingRegistry | null, plugin: string): Promise<void> {
    const loaded = await registry?.load(plugin).catch(() => undefined);
    if (loaded) {
      const read = (): void => {
        this.values = { ...DEFAULTS, ...(loaded.composite as Partial<ShellSettings>) };
        this.listeners.forEach(tell => tell());
      };
      loaded.changed.connect(read);
      read();
    }
  }

  readonly look = (): ShellSettings => this.values;

  onChange(listener: () => void): void {
    this.listeners.push(listener);
  }
}
