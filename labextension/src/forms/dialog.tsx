/** A form in Lab's own dialog, which stays open until the server has taken it. */

import { Dialog, Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import type { JSX } from 'react';

import { asApiError } from '../api/errors';
import { FormState } from './model';
import type { FormSpec } from './model';
import { Form } from './panel';

class FormBody<T> extends ReactWidget {
  constructor(private readonly form: FormState<T>) {
    super();
    this.addClass('jp-Mlops-formBody');
  }

  protected override render(): JSX.Element {
    return <Form form={this.form} />;
  }
}

/** Lab focuses a moment after the fields are there: whoever types in one by then keeps it. */
const FIRST_UNLESS_FOCUSED =
  '.jp-Mlops-form:focus-within :focus, .jp-Mlops-form:not(:focus-within) [data-first]';

const ACCEPT = '.jp-Dialog-footer .jp-Dialog-button:last-child';

class FormDialog<T> extends Dialog<null> {
  /** What the server made of it. */
  taken: { readonly value: T } | null = null;
  private sending: Promise<{ readonly value: T } | null> | null = null;
  private isShut = false;
  /** What had the focus last: it comes back to it from what is behind the dialog. */
  private focused: HTMLElement | null = null;

  constructor(private readonly form: FormState<T>) {
    const { spec, trans } = form;
    const accept = { label: spec.accept, ariaLabel: spec.accept };
    super({
      title: spec.title,
      body: new FormBody(form),
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        spec.warn ? Dialog.warnButton(accept) : Dialog.okButton(accept)
      ],
      defaultButton: 1,
      focusNodeSelector: FIRST_UNLESS_FOCUSED
    });
    this.addClass('jp-Mlops-dialog');
    this.node.setAttribute('aria-label', spec.title);
    this.node.tabIndex = -1; // it has the focus until its first field is drawn
    form.subscribe(() => this.showBusy());
  }

  /** Lab gives it the focus when the page has nothing else to do, which may be never: until then keys would go elsewhere. */
  protected override onAfterAttach(msg: Message): void {
    super.onAfterAttach(msg);
    this.takeFocus();
  }

  protected override _evtFocus(event: FocusEvent): void {
    if (!(event.target instanceof Node && this.node.contains(event.target))) {
      event.stopPropagation();
      this.takeFocus();
    } else if (event.target instanceof HTMLElement) {
      this.focused = event.target;
    }
  }

  /** Instead of closing: send it, and close when it was taken. */
  override resolve(index?: number): void {
    if (index === 0) {
      this.reject();
    } else {
      void this.send();
    }
  }

  override reject(): void {
    this.isShut = true;
    super.reject();
  }

  /** Wait for an answer that was not there yet when a person closed the dialog. */
  async late(): Promise<{ readonly value: T } | null> {
    const taken = await this.sending;
    const { refusal } = this.form.look();
    if (!taken && refusal && this.sending) {
      Notification.error([refusal.message, refusal.hint].filter(Boolean).join(' '));
    }
    return taken;
  }

  /** Keys that a field needs for itself do not send or close the form. */
  protected override _evtKeydown(event: KeyboardEvent): void {
    const target = event.target instanceof HTMLElement ? event.target : null;
    const isInBody = target?.closest('.jp-Mlops-form') !== null && target !== null;
    if (isInBody && (event.key === 'Enter' || event.key === 'Escape')) {
      const isListOpen = target.getAttribute('aria-expanded') === 'true';
      const takesEnter = isListOpen
        ? target.hasAttribute('aria-activedescendant')
        : target.matches('button, summary');
      if ((event.key === 'Escape' && isListOpen) || (event.key === 'Enter' && takesEnter)) {
        return;
      }
    }
    super._evtKeydown(event);
  }

  /** What is wrong is told beside the field; the button stays, so that it can be tried and says so. */
  protected override _checkValidation(): void {
    return undefined;
  }

  private takeFocus(): void {
    if (this.focused !== this.node && this.focused?.isConnected) {
      this.focused.focus();
      return;
    }
    const first = this.node.querySelector<HTMLElement>('.jp-Mlops-form [data-first]');
    const button = this.form.spec.fields.length ? null : this.node.querySelector<HTMLElement>(ACCEPT);
    (first ?? button ?? this.node).focus();
  }

  private async send(): Promise<void> {
    this.sending = this.form.submit();
    const taken = await this.sending;
    if (taken) {
      this.taken = taken;
      super.resolve(1);
    } else if (!this.isShut) {
      this.sending = null;
    }
  }

  private showBusy(): void {
    const button = this.node.querySelector<HTMLButtonElement>(ACCEPT);
    const { busy } = this.form.look();
    button?.classList.toggle('jp-mod-busy', busy);
    button?.setAttribute('aria-disabled', String(busy));
  }
}

/** Show a form. Return what the server made of it, or null when it was cancelled. */
export async function askForm<T>(
  spec: FormSpec<T>,
  trans: TranslationBundle
): Promise<{ readonly value: T } | null> {
  const dialog = new FormDialog(new FormState(spec, trans));
  await dialog.launch();
  return dialog.taken ?? (await dialog.late());
}

/** Ask whether to do what cannot be taken back easily, and do it in the same dialog. Return whether it was done. */
export async function confirm(
  ask: {
    readonly title: string;
    readonly text: string;
    readonly accept: string;
    readonly send: () => Promise<void>;
  },
  trans: TranslationBundle
): Promise<boolean> {
  const spec = {
    title: ask.title,
    intro: ask.text,
    accept: ask.accept,
    warn: true,
    fields: [],
    send: ask.send
  };
  return (await askForm(spec, trans)) !== null;
}

/** Tell a person what went wrong with something that has no form. */
export function showFailure(error: unknown): void {
  const { message, hint } = asApiError(error);
  Notification.error([message, hint].filter(Boolean).join(' '));
}
