import { createPublicClient, http, verifyMessage } from 'viem';
import { parseSiweMessage, validateSiweMessage, verifySiweMessage } from 'viem/siwe';
import { TabloomError } from '#lib/base/errors.ts';
import type { Address, Hex } from './spec.ts';

/** Sign-in with a wallet, by a message of EIP-4361. Whether its nonce is fresh, the caller knows. */
export interface SignIn {
  /** The nonce that a message names, so that it can be used up before anything else. @throws `bad-sign-in`. */
  nonceOf(message: string): string;
  /**
   * The wallet that signed the message for this site, in lower case: a key's, or a contract's by ERC-1271 where there is a
   * chain to ask. @throws `bad-sign-in`.
   */
  verify(signed: SignedMessage): Promise<Address>;
}

export interface SignedMessage {
  readonly message: string;
  readonly signature: string;
  /** Host and port of the site, as its pages' addresses have them. */
  readonly domain: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface SignInInit {
  /** A JSON-RPC server of the chain on which contract wallets are. */
  readonly rpcUrl: string | undefined;
  readonly fetch: typeof globalThis.fetch;
}

const requestTimeoutMs = 5_000;
/** Of a contract's signature; one of a key has 65. */
const signatureBytesMax = 4_096;
/** How far the clock of a wallet may be ahead. */
const aheadMsMax = 60_000;

export function createSignIn({ rpcUrl, fetch }: SignInInit): SignIn {
  const client =
    rpcUrl === undefined
      ? undefined
      : createPublicClient({ transport: http(rpcUrl, { fetchFn: fetch, retryCount: 0, timeout: requestTimeoutMs }) });
  let chainId: Promise<number> | undefined;

  const isContractSignature = async (message: string, signature: Hex, messageChain: number | undefined) => {
    if (!client) return false;
    try {
      // A failed request is tried again the next time.
      chainId ??= client.getChainId();
      const id = await chainId.catch((error: unknown) => {
        chainId = undefined;
        throw error;
      });
      return messageChain === id && (await verifySiweMessage(client, { message, signature }));
    } catch {
      return false;
    }
  };

  return {
    nonceOf(message) {
      const { nonce } = parseSiweMessage(message);
      if (nonce === undefined) throw badSignIn('This is no message of EIP-4361. Ask the wallet to sign one.');
      return nonce;
    },
    async verify({ message, signature, domain, now }) {
      const parsed = parseSiweMessage(message);
      const { address, uri, version, issuedAt } = parsed;
      if (address === undefined || uri === undefined || version !== '1') {
        throw badSignIn('This is no message of EIP-4361. Ask the wallet to sign one.');
      }
      // What is checked is what was signed: nothing beside the fields that were read.
      if (parsed.domain !== domain || URL.parse(uri)?.host !== domain) {
        throw badSignIn(`The message is for another site than ${domain}. Sign one for this site.`);
      }
      const isIssued = issuedAt === undefined || issuedAt.getTime() <= now + aheadMsMax;
      if (!isIssued || !validateSiweMessage({ message: parsed, domain, time: new Date(now) })) {
        throw badSignIn('The message is not valid yet, or no longer. Sign a new one.');
      }
      if (!isSignature(signature)) throw badSignIn('The signature is not hexadecimal. Send it as the wallet gives it.');
      const isKeys = await verifyMessage({ address, message, signature }).catch(() => false);
      if (!isKeys && !(await isContractSignature(message, signature, parsed.chainId))) {
        throw badSignIn('The signature is not that of the wallet in the message. Sign it with this wallet.');
      }
      return address.toLowerCase() as Address;
    },
  };
}

const isSignature = (text: string): text is Hex =>
  /^0x([0-9a-f]{2})+$/i.test(text) && text.length <= 2 + 2 * signatureBytesMax;

const badSignIn = (message: string) => new TabloomError('bad-sign-in', message);
