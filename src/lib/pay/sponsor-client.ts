import { z } from 'zod';
import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import { payError, isPayErrorCode } from './errors.ts';
import { claimOrderRecord } from './order-store.ts';
import type { Address, Chain, Mined, SignedClaimOrder } from './spec.ts';
import type { Sponsor } from './sponsor.ts';
import { sponsoredSchema, sponsorQuoteSchema, writeSponsorRequest, type SponsorRequest } from './sponsor-wire.ts';
import { channelIdOf } from './terms.ts';

/** A relay that sends for accounts without gas, over HTTP. */
export interface SponsorClient extends Sponsor {
  /** Whom a claim order must name, and the least fee of each claim. @throws as `quote` does. */
  quoteClaims(options?: AbortOptions): Promise<{ readonly relay: Address; readonly feePerClaim: bigint }>;
  /** Leaves a claim order with the relay, which claims while this device is offline. Resolves once it is stored there. */
  entrust(order: SignedClaimOrder, options?: AbortOptions): Promise<void>;
}

export interface SponsorClientInit {
  /** Of the relay's pages, and the path that it names: `payments.sponsor` in its `/relay.json`. */
  readonly url: URL;
  readonly fetch: typeof globalThis.fetch;
  /** What it did is read here. A relay's word about a transaction is not believed. */
  readonly chain: Chain;
}

const quoteTimeoutMs = 15_000;
/** It answers when the chain has confirmed the transaction. */
const sendTimeoutMs = 15 * 60_000;
const answerBytesMax = 64 * 1024;

const refusalSchema = z.object({ error: z.object({ code: z.string(), message: z.string() }) });

/**
 * All methods throw the codes of the relay's own sponsor, and `relay-unavailable` where it does not answer or not in this form. A
 * transaction that was handed over may go through all the same.
 */
export function createSponsorClient({ url, fetch, chain }: SponsorClientInit): SponsorClient {
  const ask = async <T>(at: URL, schema: z.ZodType<T>, body: unknown, timeoutMs: number, { signal }: AbortOptions) => {
    const { status, json } = await send(at, body, anySignal([signal, AbortSignal.timeout(timeoutMs)]), signal);
    if (status === 200) {
      const answer = schema.safeParse(json);
      if (answer.success) return answer.data;
      throw payError('relay-unavailable', { details: { status, reason: answer.error.issues[0]?.message } });
    }
    const refusal = refusalSchema.safeParse(json).data?.error;
    const code = refusal?.code.replaceAll('_', '-') ?? '';
    if (isPayErrorCode(code)) throw payError(code, { details: { relay: refusal!.message.slice(0, 300) } });
    throw payError(status === 429 ? 'relay-busy' : 'relay-unavailable', {
      details: { status, code: code.slice(0, 64) },
    });
  };
  const send = async (at: URL, body: unknown, signal: AbortSignal, given: AbortSignal | undefined) => {
    try {
      const response = await fetch(at, {
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        signal,
        ...(body === undefined ? {} : posted(JSON.stringify(body))),
      });
      return { status: response.status, json: JSON.parse(await readBounded(response)) as unknown };
    } catch (cause) {
      given?.throwIfAborted();
      throw payError('relay-unavailable', { cause });
    }
  };
  const quotes = async (options: AbortOptions) => {
    const quote = await ask(url, sponsorQuoteSchema, undefined, quoteTimeoutMs, options);
    if (quote.chain === chain.entry.id) return quote;
    throw payError('wrong-chain', { details: { expected: chain.entry.id, actual: quote.chain } });
  };
  const hand = async (request: SponsorRequest, options: AbortOptions): Promise<Mined> => {
    const { hash, block, gasUsed } = await ask(
      url,
      sponsoredSchema,
      writeSponsorRequest(request),
      sendTimeoutMs,
      options,
    );
    return { hash, blockNumber: BigInt(block), gasUsed, events: [] };
  };

  return {
    async quote(action, options = {}) {
      const { sponsor, fees } = await quotes(options);
      return { sponsor, fee: fees[action] };
    },
    async quoteClaims(options = {}) {
      const { sponsor, fees } = await quotes(options);
      return { relay: sponsor, feePerClaim: fees.claim };
    },
    send: (action, opening, options = {}) => hand({ action, opening }, options),
    async announce(withdrawal, options = {}) {
      const mined = await hand({ action: 'announce', withdrawal }, options);
      const { withdrawableAt } = await chain.channel(channelIdOf(withdrawal.terms), options);
      return { ...mined, withdrawableAt };
    },
    async settle(settlement, options = {}) {
      const { payee } = settlement.order;
      const before = await chain.tokenBalance(payee, options);
      const mined = await hand({ action: 'settle', settlement }, options);
      const after = await chain.tokenBalance(payee, options);
      return { ...mined, amount: after > before ? after - before : 0n };
    },
    async entrust(order, options = {}) {
      await ask(new URL('/pay/orders', url), z.looseObject({}), claimOrderRecord(order), quoteTimeoutMs, options);
    },
  };
}

/** A browser lets a request of this size go on after its page is gone, as an order has to when a tab is closed. */
const keepaliveBytesMax = 60_000;
const posted = (body: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body,
  keepalive: body.length <= keepaliveBytesMax,
});

async function readBounded({ body }: Response): Promise<string> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let [text, size] = ['', 0];
  for (let read = await reader?.read(); read && !read.done; read = await reader!.read()) {
    size += read.value.byteLength;
    if (size > answerBytesMax) throw new Error('the answer is too long');
    text += decoder.decode(read.value, { stream: true });
  }
  return text;
}
