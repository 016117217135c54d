/** Percents of a service's requests by deployment: whole numbers that sum to 100, whichever of them is moved. */

export type Weights = Readonly<Record<string, number>>;

export const ALL = 100;

/** Return the weights with one moved; the others share what is left as they shared it before. */
export function moved(weights: Weights, name: string, to: number): Weights {
  const others = Object.keys(weights).filter(each => each !== name);
  if (!others.length) {
    return { [name]: ALL };
  }
  const value = Math.max(0, Math.min(ALL, Math.round(to) || 0));
  return { ...weights, ...shared(ALL - value, others, weights), [name]: value };
}

/** Share whole percents in proportion to weights, equally where all are 0; what does not divide goes to the largest remainders. */
function shared(percents: number, names: readonly string[], weights: Weights): Weights {
  const sum = names.reduce((all, name) => all + (weights[name] ?? 0), 0);
  const exact = names.map(name => (percents * (sum ? (weights[name] ?? 0) : 1)) / (sum || names.length));
  const whole = exact.map(Math.floor);
  let left = percents - whole.reduce((all, one) => all + one, 0);
  const byRemainder = names.map((_, i) => i).sort((a, b) => rest(exact[b]) - rest(exact[a]) || a - b);
  for (const i of byRemainder) {
    if (left <= 0) {
      break;
    }
    whole[i] = (whole[i] ?? 0) + 1;
    left--;
  }
  return Object.fromEntries(names.map((name, i) => [name, whole[i] ?? 0]));
}

function rest(value = 0): number {
  return value - Math.floor(value);
}

/** Whether two say the same. */
export function sameWeights(a: Weights, b: Weights): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every(name => a[name] === b[name]);
}
