/** The magic that tracks a cell, in the text of one. */

export const MAGIC = '%%ml run';

/** The line that tracks a cell in an experiment, whatever it is called: the magic reads its options as a shell does. */
export function magicFor(experiment: string): string {
  const isPlain = /^[^\s'"\\-][^\s'"\\]*$/.test(experiment);
  return `${MAGIC} -e ${isPlain ? experiment : `'${experiment.replaceAll("'", `'"'"'`)}'`}`;
}
export const LOAD = '%load_ext jupyter_mlops';
const TRACKED = /^%%ml[ \t]+run\b[^\n]*\n?/;
const LOADS = /^[ \t]*%(re)?load_ext[ \t]+jupyter_mlops\b/m;

/** What becomes of a cell's text: the magic put above it, or taken away; null where another magic stands there. */
export function toggled(source: string): { readonly remove: number; readonly insert: string } | null {
  const magic = TRACKED.exec(source);
  if (magic) {
    return { remove: magic[0].length, insert: '' };
  }
  return source.startsWith('%%') ? null : { remove: 0, insert: `${MAGIC}\n` };
}

export function isLoadedBy(source: string): boolean {
  return LOADS.test(source);
}
