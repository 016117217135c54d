/** The filter box: every word must occur somewhere in what a row says. */

/** Return a test for texts; an empty filter lets everything pass. */
export function matcher(filter: string): (...texts: readonly string[]) => boolean {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return (...texts) => {
    const text = texts.join('\n').toLowerCase();
    return words.every(word => text.includes(word));
  };
}
