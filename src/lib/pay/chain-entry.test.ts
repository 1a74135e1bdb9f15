import { expect, test } from 'vitest';
import { chains } from '#contracts/chains.ts';
import { chainEntry } from './chain-entry.ts';

// Prices, credits and fees are compared as dollars, and nothing converts: an entry of another token has to bring its rate with it.
test.each(chains)('what is paid with on $name is a dollar with six decimals', ({ token }) => {
  expect(token.decimals).toBe(6);
  expect(['USDC', 'tUSDC']).toContain(token.symbol);
});

test('a chain without the contracts, and one that is not listed, is none to pay on', () => {
  expect(chainEntry(31_337)?.isLocal).toBe(true);
  for (const id of [8_453, 1]) expect(chainEntry(id)).toBeUndefined();
});
