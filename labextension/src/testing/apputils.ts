/** In place of Lab's dialogs and clipboard, which need a whole page: what was copied and asked, and what a person answers. */

export const lab = { copied: [] as string[], asked: [] as string[], accepts: true };

export function begin(): void {
  Object.assign(lab, { copied: [], asked: [], accepts: true });
}

export const Clipboard = { copyToSystem: (text: string) => lab.copied.push(text) };
export const Dialog = { cancelButton: () => ({}), okButton: () => ({}), warnButton: () => ({}) };
export const InputDialog = {};
export const Notification = {};

export function showDialog({ title }: { title: string }): Promise<{ button: { accept: boolean } }> {
  lab.asked.push(title);
  return Promise.resolve({ button: { accept: lab.accepts } });
}
