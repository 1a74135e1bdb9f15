import { chains, type ChainEntry } from '#contracts/chains.ts';

/** What is known of a chain that has the contracts, without anything that could speak to it; undefined for any other. */
export function chainEntry(id: number): ChainEntry | undefined {
  const entry = chains.find((chain) => chain.id === id);
  return entry?.contracts ? entry : undefined;
}
