import { z } from 'zod';
import { fromHex } from '#lib/base/bytes.ts';
import type { Clock } from '#lib/base/clock.ts';
import { readJson, type Fetch } from '#lib/base/read-json.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { DrandChain, RoundSource } from './drand.ts';

const answerMs = 5_000;
const roundSchema = z.object({ signature: z.string().regex(/^[0-9a-f]{96}$/) });

/** A server of drand's HTTP interface, at its address. What it says is checked by whoever asks, so that it need not be trusted. */
export const drandServer =
  (
    { id }: Pick<DrandChain, 'id'>,
    address: string | URL,
    { fetch, clock }: { readonly fetch: Fetch; readonly clock: Clock },
  ): RoundSource =>
  async (round, { signal } = {}) => {
    const ended = new AbortController();
    const either = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
    const url = new URL(`${id}/public/${round}`, address);
    try {
      const reading = readJson(fetch, url, either, { credentials: 'omit', referrerPolicy: 'no-referrer' });
      const { status, json } = await withTimeout(reading, clock, answerMs, { signal });
      return status === 200 ? fromHex(roundSchema.parse(json).signature) : undefined;
    } catch {
      return undefined;
    } finally {
      ended.abort();
    }
  };
