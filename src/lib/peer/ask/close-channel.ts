import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { fromErrorRecord } from '#lib/base/errors.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { Directory } from '#lib/market/spec.ts';
import type { Net } from '#lib/net/spec.ts';
import type { Agreement } from '#lib/pay/ports.ts';
import { closeProtocol, decodeCloseFrame, encodeCloseRequest, type CloseRequest } from '#lib/protocol/closing.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { limits } from '#lib/protocol/limits.ts';

/**
 * The asker's side of `/tabloom/close/2`: asks the worker of a channel, by the payout in its offer, to close it now. Nothing that it
 * says is checked here.
 * @throws `no-peer-available` where nobody listed is paid on it, the code it refused with, `peer-lost` where it does not answer, those of the net.
 */
export async function askToClose(
  { net, directory, clock }: { readonly net: Net; readonly directory: Directory; readonly clock: Clock },
  request: CloseRequest,
  options: AbortOptions = {},
): Promise<Agreement> {
  const { provider, providerSigner } = request.terms;
  const entry = directory.entries().find(({ offer: { payout } }) => {
    const isOn = payout?.chain === request.chain;
    return isOn && payout.provider === provider && payout.providerSigner === providerSigner;
  });
  if (!entry) throw wireError('no-peer-available');
  const { signal, clear } = startDeadline(clock, limits.closeAnswerMs, options);
  try {
    const channel = await net.open(entry.offer.peer, closeProtocol, { signal });
    const onAbort = () => channel.abort(wireError('peer-lost'));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await channel.send(encodeCloseRequest(request), { signal });
      await channel.close();
      for await (const body of channel) {
        const frame = decodeCloseFrame(body);
        if (frame.t === 'unknown') continue;
        if (frame.t === 'refused') throw fromErrorRecord({ code: frame.code, message: frame.message });
        const { finalAmount, signature, voucher } = frame;
        return { finalAmount: BigInt(finalAmount), signature, voucher };
      }
      throw wireError('peer-lost');
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  } finally {
    clear();
  }
}
