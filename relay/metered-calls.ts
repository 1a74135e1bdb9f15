import type { Clock } from '#lib/base/clock.ts';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { MeteredPermit, PermitCollector } from '#lib/pay/chain/permits.ts';
import type { paymentChain } from '#lib/pay/chain/transfers.ts';
import { createMeteredDoor } from '#lib/pay/metered-door.ts';
import { payError } from '#lib/pay/errors.ts';
import type { Address, Hex } from '#lib/pay/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Usage } from '#lib/protocol/part.ts';
import type { MeteredCalls } from './gateway/metered.ts';
import type { PermitRow } from './ledger/database.ts';
import { ledgerUnavailable } from './ledger/unavailable.ts';
import type { PermitBook } from './ledger/permits.ts';

/** Strangers' payments for single answers, over the ledger and a chain. */
export interface MeteredTill extends MeteredCalls {
  /** What the terms add for an answer that uses so much at most; undefined where the chain is not known to be able to do this. */
  terms(most: Usage): Readonly<Record<string, unknown>> | undefined;
  /** Asks the chain whether it can, where it has not said so; and collects what is due. @throws what the database does. */
  collectDue(): Promise<void>;
}

export interface MeteredTillInit {
  readonly entry: ReturnType<typeof paymentChain>;
  readonly payTo: Address;
  readonly collector: PermitCollector;
  readonly book: PermitBook;
  /** In micro-credits, whole units of the token. */
  readonly costOnChain: (usage: Usage) => bigint;
  readonly unitsPerTokenUnit: bigint;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** How long an answer may take, with its further models and the time for collecting. */
const answerSeconds = Math.ceil(limits.jobDeadlineMsMax / 1_000) + 300;
const dueMax = 100;

/** After these nothing will ever be collected. */
const finalFailures: ReadonlySet<string> = new Set(['authorization-used', 'authorization-expired', 'bad-signature']);

export function createMeteredTill(init: MeteredTillInit): MeteredTill {
  const { entry, payTo, collector, book, costOnChain, unitsPerTokenUnit, clock, logger, signal } = init;
  const door = createMeteredDoor({ entry, payTo, facilitator: collector.facilitator, answerSeconds });
  const tokenUnits = (usage: Usage) => costOnChain(usage) / unitsPerTokenUnit;

  const collect = async ({ id, units, permit, since }: PermitRow): Promise<Hex> => {
    try {
      const { hash } = await collector.collect(readPermit(permit), units / unitsPerTokenUnit, since, { signal });
      await book.collected(id, hash);
      return hash;
    } catch (error) {
      if (finalFailures.has(errorCode(error))) await book.lost(id);
      throw error;
    }
  };
  const settle = async (id: string, payer: Address): Promise<object> => {
    try {
      const row = await book.find(id);
      if (row?.state === 'void') return door.receipt({ payer, units: 0n });
      if (row?.state !== 'due') return door.receipt({ payer, units: 0n, failure: 'settlement_pending' });
      const hash = await collect(row);
      return door.receipt({ payer, units: row.units / unitsPerTokenUnit, hash });
    } catch (error) {
      logger.warn('permit-not-collected', { permit: id, error });
      const isFinal = finalFailures.has(errorCode(error));
      return door.receipt({ payer, units: 0n, failure: isFinal ? errorCode(error) : 'settlement_pending' });
    }
  };
  /** What may still be taken, in units of the token. */
  const mostOf = ({ state, units, permit }: PermitRow) =>
    state === 'due' ? units / unitsPerTokenUnit : readPermit(permit).amount;
  let isAvailable = false;

  return {
    carries: (headers) => door.carries(headers),
    terms(most) {
      const units = tokenUnits(most);
      return units > 0n && isAvailable ? door.terms(units) : undefined;
    },
    async open(headers, most) {
      if (!isAvailable) return { type: 'refused', reason: 'The scheme "upto" is not offered now' };
      const permit = door.read(headers, tokenUnits(most), clock.now());
      if ('reason' in permit) return { type: 'refused', reason: permit.reason };
      const checked = await collector.check(permit, { signal }).catch((error: unknown) => {
        if (errorCode(error) !== 'bad-signature') throw error;
        return undefined;
      });
      if (checked === undefined) return { type: 'refused', reason: 'Its payer has not signed it' };
      const { since, available } = checked;
      const payer = `${entry.id}/${permit.token}/${permit.from}/`.toLowerCase();
      const id = `${payer}${permit.nonce}`;
      try {
        const isNew = await book.begin({ id, permit: JSON.stringify(permit, writeBigint), since });
        if (!isNew) return { type: 'refused', reason: 'It has been used' };
        // Each by itself could be collected; of several at once, what their payer has covers the first alone.
        const required = (await book.standing(payer)).reduce((sum, row) => sum + mostOf(row), 0n);
        if (required > available) {
          await book.forget(id);
          throw payError('insufficient-funds', { details: { required, available } });
        }
      } catch (error) {
        throw errorCode(error) === 'insufficient-funds' ? error : ledgerUnavailable(error);
      }
      return { type: 'open', id, settle: () => settle(id, permit.from) };
    },
    async collectDue() {
      isAvailable ||= await collector.isAvailable({ signal }).catch(() => false);
      for (const row of await book.due(dueMax)) {
        try {
          await collect(row);
          logger.info('permit-collected', { permit: row.id });
        } catch (error) {
          if (signal.aborted) return;
          logger.warn('permit-not-collected', { permit: row.id, error });
        }
      }
    },
  };
}

const amounts = ['amount', 'nonce', 'deadline', 'validAfter'] as const;
const writeBigint = (_: string, value: unknown) => (typeof value === 'bigint' ? value.toString() : value);

/** Of this relay's own writing. */
export function readPermit(text: string): MeteredPermit {
  const stored = JSON.parse(text) as Record<string, string>;
  for (const name of amounts) Object.assign(stored, { [name]: BigInt(stored[name]!) });
  return stored as unknown as MeteredPermit;
}
