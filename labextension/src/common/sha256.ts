/** SHA-256 of a text. Browsers have it for pages of HTTPS alone, and many a Lab is served without. */

/** Return the first 32 bits of the fractional part. */
function fraction(root: number): number {
  return ((root - Math.floor(root)) * 2 ** 32) | 0;
}

const PRIMES = Array.from({ length: 310 }, (_, i) => i + 2).filter(n =>
  Array.from({ length: Math.floor(Math.sqrt(n)) - 1 }, (_, i) => i + 2).every(d => n % d)
);
const BEGIN = PRIMES.slice(0, 8).map(prime => fraction(Math.sqrt(prime)));
const ROUNDS = PRIMES.slice(0, 64).map(prime => fraction(Math.cbrt(prime)));
const BLOCK = 64;

/** Return the digest of a text's UTF-8, in hexadecimal digits. */
export function sha256(text: string): string {
  const bytes = padded(new TextEncoder().encode(text));
  let state = BEGIN;
  for (let at = 0; at < bytes.byteLength; at += BLOCK) {
    state = mixed(state, expanded(bytes, at));
  }
  return state.map(word => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

/** Return the bytes, a 1, zeros, and their number of bits, in whole blocks. */
function padded(bytes: Uint8Array): DataView {
  const whole = new Uint8Array(Math.ceil((bytes.length + 9) / BLOCK) * BLOCK);
  whole.set(bytes);
  whole[bytes.length] = 0x80;
  const view = new DataView(whole.buffer);
  view.setBigUint64(whole.length - 8, BigInt(bytes.length) * 8n);
  return view;
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** Return the words of a block, and what follows from them. */
function expanded(bytes: DataView, at: number): Int32Array {
  const words = new Int32Array(64);
  for (let i = 0; i < 64; i++) {
    const [a = 0, b = 0] = [words[i - 15], words[i - 2]];
    words[i] =
      i < 16
        ? bytes.getInt32(at + 4 * i)
        : (words[i - 16] ?? 0) +
          (turned(a, 7) ^ turned(a, 18) ^ (a >>> 3)) +
          (words[i - 7] ?? 0) +
          (turned(b, 17) ^ turned(b, 19) ^ (b >>> 10));
  }
  return words;
}

function mixed(state: readonly number[], words: Int32Array): number[] {
  let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = state;
  words.forEach((word, i) => {
    const chosen = (e & f) ^ (~e & g);
    const first = h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + chosen + (ROUNDS[i] ?? 0) + word;
    const second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + first) | 0, c, b, a, (first + second) | 0];
  });
  return [a, b, c, d, e, f, g, h].map((word, i) => (word + (state[i] ?? 0)) | 0);
}
