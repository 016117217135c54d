/** The status bar's item: how much is running. A click shows it in the sidebar. */

import { mlopsIcon } from '../common/labicon';
import { CommandIDs } from '../commands';
import type { LabParts } from '../tokens';
import { Widget } from '@lumino/widgets';

import { titleOf } from '../activities/model';
import { statusText } from './model';
import type { Watcher } from './watcher';

/** How many are named at the mouse. */
const NAMED = 10;

export class StatusItem extends Widget {
  private readonly button = document.createElement('button');
  private readonly text = document.createElement('span');

  constructor(
    private readonly watcher: Watcher,
    private readonly lab: LabParts
  ) {
    super();
    this.addClass('jp-Mlops-status');
    this.button.type = 'button';
    this.button.append(mlopsIcon.element({ tag: 'span', width: '14px', height: '14px' }), this.text);
    this.button.addEventListener('click', () => this.open());
    this.node.append(this.button);
    watcher.changed.connect(this.draw);
    this.draw();
  }

  isBusy(): boolean {
    const { runs, activities } = this.watcher.going;
    return runs.length + activities.length > 0;
  }

  override dispose(): void {
    this.watcher.changed.disconnect(this.draw);
    super.dispose();
  }

  private readonly draw = (): void => {
    const { runs, activities } = this.watcher.going;
    const { trans } = this.lab;
    const text = statusText(runs.length, activities.length, trans);
    const names = [...activities.map(one => titleOf(one, trans)), ...runs.map(run => run.name.slice(0, 60))];
    const more = names.length > NAMED ? ['…'] : [];
    this.text.textContent = text;
    this.button.title = [...names.slice(0, NAMED), ...more].join('\n');
    this.button.setAttribute('aria-label', trans.__('Running: %1. Show them in the sidebar.', text));
  };

  private open(): void {
    const section = this.watcher.going.activities.length ? 'activities' : 'experiments';
    void this.lab.commands.execute(CommandIDs.showSidebar, { section });
  }
}
