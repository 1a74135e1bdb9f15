import { TabloomError, toErrorRecord, type ErrorRecord } from '#lib/base/errors.ts';
import type { Receivable, Till } from '#lib/pay/ports.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { AskerFrame } from '#lib/protocol/frame.ts';
import type { Job } from '#lib/protocol/job.ts';
import { decodeVoucher, type ReceiptPayment } from '#lib/protocol/payment.ts';

export type PayFrame = Extract<AskerFrame, { t: 'pay' }>;

/** Takes one job's money at the till. It reports what is credited, and decides nothing. */
export interface Collector {
  /** Has the channel admitted. */
  open(): void;
  /** Vouchers are taken one after the other; of those that wait, only the newest counts. */
  pay(frame: PayFrame): void;
  /** Tells of the reason why no further chunk may be served, if there is one. */
  checkMayServe(): void;
  /** What was paid, as the receipt states it; undefined where that is nothing. */
  receiptOf(paid: bigint): ReceiptPayment | undefined;
  end(): void;
}

export interface CollectorListener {
  admitted(paid: bigint): void;
  paid(paid: bigint): void;
  unpayable(error: ErrorRecord): void;
}

export function createCollector(job: Job, till: Till, listener: CollectorListener): Collector {
  const ended = new AbortController();
  let receivable: Receivable | undefined;
  let newest: PayFrame | undefined;
  let isTaking = false;

  const fail = (error: unknown) => {
    if (!ended.signal.aborted) listener.unpayable(codedRecord(error));
  };

  const takeAll = async (from: Receivable) => {
    isTaking = true;
    try {
      for (let next = newest; next !== undefined && !ended.signal.aborted; next = newest) {
        newest = undefined;
        const total = BigInt(next.total ?? 0);
        // One that came before, and cannot credit more than it has.
        if (total <= from.received()) continue;
        const paid = await from.receive({ voucher: decodeVoucher(next.voucher), total });
        if (!ended.signal.aborted) listener.paid(paid);
      }
    } catch (error) {
      fail(error);
    } finally {
      isTaking = false;
    }
  };

  return {
    async open() {
      try {
        const opened = await till.open(job.payment!, { id: job.id, model: job.model }, { signal: ended.signal });
        if (ended.signal.aborted) return opened.end();
        receivable = opened;
        listener.admitted(opened.received());
      } catch (error) {
        fail(error);
      }
    },
    pay(frame) {
      if (!receivable || ended.signal.aborted) return;
      newest = frame;
      if (!isTaking) void takeAll(receivable);
    },
    checkMayServe() {
      try {
        receivable?.checkMayServe();
      } catch (error) {
        fail(error);
      }
    },
    receiptOf(paid) {
      if (!receivable || paid === 0n) return undefined;
      const { chain, channelId } = receivable;
      return { chain, channel: channelId, total: paid.toString() };
    },
    end() {
      ended.abort(wireError('cancelled'));
      receivable?.end();
    },
  };
}

/** The message of an uncoded error stays on this device. */
const codedRecord = (error: unknown): ErrorRecord =>
  toErrorRecord(error instanceof TabloomError ? error : wireError('internal', undefined, { cause: error }));
