import { toHex } from './bytes.ts';
import type { Random } from './random.ts';

/** 16 random bytes as 32 hexadecimal digits; collisions are not expected. */
export const randomId = (random: Random): string => toHex(random.bytes(16));
