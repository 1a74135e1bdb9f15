import type { Clock } from '#lib/base/clock.ts';
import type { Usage } from '#lib/protocol/part.ts';
import { gatewayLimits } from './limits.ts';

/** Payment for what one answer has come to: signed for at most so much before it begins, and collected when it has ended. */
export interface MeteredCalls {
  /** Whether a request carries a payment of this kind. */
  carries(headers: Headers): boolean;
  /**
   * Checks what a request carries for an answer that uses so much at most, and writes it down.
   * @throws `authorization-used`, `insufficient-funds`, `allowance-too-small`, `chain-unavailable`,
   * `ledger-unavailable`.
   */
  open(
    headers: Headers,
    most: Usage,
  ): Promise<({ readonly type: 'open' } & MeteredCall) | { readonly type: 'refused'; readonly reason: string }>;
}

export interface MeteredCall {
  /** Of the permit, by which the ledger knows it. */
  readonly id: string;
  /**
   * Collects what the ledger says of its job. Resolves with x402's account of that, for the client. Never throws: what could not
   * be collected yet is collected later, whether or not somebody waits.
   */
  settle(): Promise<object>;
}

/** A call and its end. */
export interface MeteredAnswer {
  readonly permit: string;
  /** To be called when the job has ended. */
  end(written: Promise<void>): void;
  readonly settled: Promise<object>;
}

export function meteredAnswer(call: MeteredCall): MeteredAnswer {
  const { promise: settled, resolve } = Promise.withResolvers<object>();
  return {
    permit: call.id,
    settled,
    end: (written) => void written.then(() => call.settle()).then(resolve),
  };
}

const keepalive = ': ping\n\n';

/** The frames of an answer, and after its last one what was collected for it, as an event that clients of OpenAI do not read. */
export async function* withSettlement(
  frames: AsyncGenerator<string>,
  settled: Promise<object>,
  clock: Clock,
): AsyncGenerator<string> {
  yield* frames;
  const waiting = new AbortController();
  try {
    const pause = () => clock.delay(gatewayLimits.keepaliveIntervalMs, waiting).then(() => undefined);
    for (let waitedMs = 0; waitedMs < gatewayLimits.settlementMs; waitedMs += gatewayLimits.keepaliveIntervalMs) {
      const receipt = await Promise.race([settled, pause()]);
      if (receipt) return yield `event: payment-response\ndata: ${JSON.stringify(receipt)}\n\n`;
      yield keepalive;
    }
  } finally {
    waiting.abort();
  }
}
