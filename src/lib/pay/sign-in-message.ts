import { createSiweMessage } from 'viem/siwe';
import type { Address } from './spec.ts';

/** Who signs in where. */
export interface SignInWords {
  readonly address: Address;
  readonly chainId: number;
  /** Host and port of the page, and its address. */
  readonly domain: string;
  readonly uri: string;
  readonly nonce: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
}

/** The text of EIP-4361 that a wallet shows its owner and signs; `createSignIn` reads it. */
export const signInMessage = ({ issuedAt, ...words }: SignInWords): string =>
  createSiweMessage({
    ...words,
    version: '1',
    statement: 'Sign in to make and revoke keys of this gateway. It costs nothing and moves no money.',
    issuedAt: new Date(issuedAt),
  });
