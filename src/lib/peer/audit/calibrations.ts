import { z } from 'zod';
import { errorCode } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { hashRecord } from '#lib/protocol/hash.ts';
import { artefactIdSchema, peerIdSchema, type PeerId } from '#lib/protocol/ids.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import {
  addToSums,
  calibrationFrom,
  kernelOf,
  noMargins,
  type Calibration,
  type CalibrationRow,
} from '#lib/trust/calibration.ts';
import type { ScoredBy } from './judge.ts';

/** What honest margins are between this peer's engine and others', learned from the answers that it has scored itself. */
export interface Calibrations {
  /** By the answers of other workers than this one. Undefined where too few were scored. */
  of(receipt: Answered): Calibration | undefined;
  /** An answer that passed; told again, as after a restart, it counts once. @param margins clipped, in nats, of its greedy tokens. */
  learn(receipt: { readonly hash: string; readonly record: Answered }, margins: readonly number[]): void;
  /** What of it holds for anybody, in the form in which a network publishes it. */
  rows(): readonly CalibrationRow[];
  /** Whoever was found out has taught nothing. */
  forget(worker: PeerId): void;
}

type Answered = Pick<Receipt, 'worker' | 'artefact' | 'engine'>;

export interface CalibrationsComponents {
  readonly storage: KeyValue;
  readonly logger: Logger;
  /** The engine that scores here; undefined while there is none. */
  readonly scoredBy: ScoredBy;
}

/** Of workers whose margins are kept for one pair, and of pairs; the oldest are let go. */
const partsMax = 64;
const pairsMax = 64;
/** Answers of a pair that are known again, by the beginnings of their receipts' hashes: what is scored anew after a restart was learned last. */
const newestMax = 1_024;
const newestDigits = 16;
/** The number is of how margins are measured: what was learned otherwise is not read. */
const prefix = 'audit/calibration/1/';
const word = z.string().max(256);
const kernelSchema = z.object({ name: word, build: word, deviceClass: word });
const count = z.number().nonnegative();
const pairSchema = z.object({
  artefact: artefactIdSchema,
  worker: kernelSchema,
  validator: kernelSchema,
  parts: z
    .array(z.object({ peer: peerIdSchema, tokens: z.number().int().min(0), sum: count, squares: count, max: count }))
    .max(partsMax),
  newest: z.array(z.string().length(newestDigits)).max(newestMax).default([]),
});
type Pair = z.output<typeof pairSchema>;

/** @throws those of the storage. */
export async function openCalibrations({ storage, logger, scoredBy }: CalibrationsComponents): Promise<Calibrations> {
  const pairs = new Map<string, Pair>();
  const failed = (error: unknown) => logger.warn('calibration-not-stored', { code: errorCode(error) });
  const remove = (key: string) => {
    pairs.delete(key);
    storage.delete('receipts', prefix + key).catch(failed);
  };
  const write = (key: string, pair: Pair) => {
    pairs.delete(key);
    pairs.set(key, pair);
    storage.put('receipts', prefix + key, pair).catch(failed);
    if (pairs.size > pairsMax) remove(pairs.keys().next().value!);
  };
  const pairOf = ({ artefact, engine: worker }: Answered): Pair | undefined => {
    const validator = scoredBy(artefact);
    return validator && { artefact, worker, validator, parts: [], newest: [] };
  };

  for (const { key, value } of await storage.list('receipts', { prefix, limit: pairsMax })) {
    const { data } = pairSchema.safeParse(value);
    if (data) pairs.set(key.slice(prefix.length), data);
  }
  return {
    of(receipt) {
      const pair = pairOf(receipt);
      const parts = pair && pairs.get(keyOf(pair))?.parts.filter(({ peer }) => peer !== receipt.worker);
      return parts && calibrationFrom(parts);
    },
    learn({ hash, record }, margins) {
      const fresh = pairOf(record);
      if (!fresh || margins.length === 0) return;
      const key = keyOf(fresh);
      const pair = pairs.get(key) ?? fresh;
      const name = hash.slice(0, newestDigits);
      if (pair.newest.includes(name)) return;
      const own = pair.parts.find(({ peer }) => peer === record.worker);
      const others = pair.parts.filter((part) => part !== own);
      const part = { peer: record.worker, ...addToSums(own ?? noMargins, margins) };
      // With the sums that it went into, so that no crash can part them.
      const newest = [...pair.newest, name].slice(-newestMax);
      write(key, { ...pair, parts: [...others, part].slice(-partsMax), newest });
    },
    rows: () =>
      [...pairs.values()].flatMap(({ artefact, worker, validator, parts }) => {
        const calibration = calibrationFrom(parts);
        return calibration
          ? [{ artefact, worker: kernelOf(worker), validator: kernelOf(validator), ...calibration }]
          : [];
      }),
    forget(worker) {
      const taught = [...pairs].filter(([, { parts }]) => parts.some(({ peer }) => peer === worker));
      for (const [key, pair] of taught) {
        write(key, { ...pair, parts: pair.parts.filter(({ peer }) => peer !== worker) });
      }
    },
  };
}

const keyOf = ({ artefact, worker, validator }: Pair): string => {
  const words = ({ name, build, deviceClass }: Receipt['engine']) => [name, build, deviceClass];
  return hashRecord([artefact, words(worker), words(validator)]);
};
