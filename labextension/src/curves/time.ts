/** Labels of an axis of time: as fine as its steps, the day where it begins and where another one does. */

const S = 1000;
const MINUTE = 60 * S;
const DAY = 24 * 60 * MINUTE;

/** Return the labels of places, in ms since the epoch and `increment` apart; the day, if any, is on a second line. */
export function timeTexts(places: readonly number[], increment: number): readonly string[] {
  const time = new Intl.DateTimeFormat(undefined, timeFormat(increment));
  const sameYear = new Set(places.map(place => new Date(place).getFullYear())).size <= 1;
  const isThisYear = sameYear && new Date(places[0] ?? 0).getFullYear() === new Date().getFullYear();
  const day = new Intl.DateTimeFormat(undefined, {
    day: 'numeric',
    month: 'short',
    ...(!isThisYear && { year: 'numeric' })
  });
  let before = '';
  return places.map(place => {
    if (Number.isNaN(new Date(place).getTime())) {
      return ''; // later than any calendar has: somebody logged nanoseconds
    }
    const date = day.format(place);
    if (increment >= DAY) {
      return date;
    }
    const isNew = date !== before;
    before = date;
    return isNew ? `${time.format(place)}\n${date}` : time.format(place);
  });
}

/** Return how many pixels a label takes on an axis of so many ms: with parts of seconds, seconds, minutes, or the day alone. */
export function timeSpace(ms: number): number {
  return ms < 5 * S ? 92 : ms < 5 * MINUTE ? 74 : ms < 4 * DAY ? 60 : 50;
}

function timeFormat(increment: number): Intl.DateTimeFormatOptions {
  return {
    hour: 'numeric',
    minute: '2-digit',
    ...(increment < MINUTE && { second: '2-digit' }),
    ...(increment < S && { fractionalSecondDigits: 3 })
  };
}
