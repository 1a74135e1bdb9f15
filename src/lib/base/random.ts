/** Randomness, as a component. */
export interface Random {
  /** `length` bytes; cryptographically strong in {@link systemRandom}. */
  bytes(length: number): Uint8Array;
  /** Uniform in [0, 1). */
  float(): number;
}

const pooledBytesMax = 24;

export const systemRandom: Random = {
  bytes: drawBytes(),
  float: drawFloats(),
};

/** Ids are drawn many at a time, as below. Keys and whatever else is longer come from the system directly. */
function drawBytes(): Random['bytes'] {
  const pool = new Uint8Array(2_048);
  let used = pool.length;
  return (length) => {
    if (length > pooledBytesMax) return crypto.getRandomValues(new Uint8Array(length));
    if (used + length > pool.length) {
      crypto.getRandomValues(pool);
      used = 0;
    }
    const bytes = pool.slice(used, used + length);
    // What has been given out is nowhere else.
    pool.fill(0, used, used + length);
    used += length;
    return bytes;
  };
}

/** Draws many at a time: a call to the system costs more than using its result. */
function drawFloats(): () => number {
  const words = new Uint32Array(256);
  let used = words.length;
  return () => {
    if (used === words.length) {
      crypto.getRandomValues(words);
      used = 0;
    }
    return words[used++]! / 2 ** 32;
  };
}

/** A repeatable generator for tests and the simulator (mulberry32, by T. Ettinger, public domain). Never for keys. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const float = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    float,
    bytes: (length) => Uint8Array.from({ length }, () => Math.floor(float() * 256)),
  };
}
