import { z } from 'zod';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import type { AuditFrame, AuditRequest } from '#lib/protocol/audit-frame.ts';
import type { Envelope, Signer } from '#lib/protocol/envelope.ts';
import { epochEnvelopeSchema } from '#lib/protocol/epoch.ts';
import { hashSchema } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { chainStart } from '#lib/trust/chain.ts';
import { commitEpoch, createEpochTree, openEpoch, type EpochTree, type OpenedEpoch } from '#lib/trust/epoch.ts';
import { tryOpenReceipt } from '#lib/trust/check.ts';

/** A worker's commitments to its receipts, and the leaves it shows of them. */
export interface EpochKeeper {
  /**
   * Commits to everything that was issued since the last epoch and before `until`, in milliseconds since the epoch. Undefined
   * where there is nothing. It is stored before it is given out: a worker that crashed says the same again, and never another.
   */
  commit(until: number): Promise<OpenedEpoch | undefined>;
  /** @throws `epoch-unknown`. */
  open(request: Extract<AuditRequest, { t: 'open-leaves' }>): Promise<readonly AuditFrame[]>;
}

export interface EpochKeeperComponents {
  readonly signer: Signer;
  readonly storage: KeyValue;
  readonly clock: Clock;
  /** This worker's receipts that are dated from the first time up to, and not at, the second. */
  readonly issuedBetween: (from: number, until: number) => Promise<readonly KeptReceipt[]>;
  readonly read: (key: string) => Promise<Envelope | undefined>;
}

export interface KeptReceipt {
  /** Under which `read` finds it. */
  readonly key: string;
  readonly envelope: Envelope;
}

/** Of which leaves are shown; older ones have been picked from long ago. */
const epochsKept = 48;
const keyPrefix = 'epoch/';
const storedSchema = z.object({
  envelope: epochEnvelopeSchema,
  leaves: z.array(z.object({ hash: hashSchema, key: z.string() })).max(limits.epochReceiptsMax),
});

interface Kept {
  readonly epoch: OpenedEpoch;
  readonly tree: EpochTree;
  /** By the receipt's hash. */
  readonly keys: ReadonlyMap<string, string>;
}

/** @throws what the storage throws: a worker that does not know its last epoch must not commit to another. */
export async function openEpochKeeper(components: EpochKeeperComponents): Promise<EpochKeeper> {
  const { signer, storage, issuedBetween, read } = components;
  const kept = new Map<string, Kept>();
  const entries = await storage.list('receipts', { prefix: keyPrefix, limit: epochsKept, order: 'descending' });
  for (const { value } of entries.toReversed()) {
    const { envelope, leaves } = storedSchema.parse(value);
    keep(openEpoch(envelope), leaves);
  }
  let last = [...kept.values()].at(-1)?.epoch;

  function keep(epoch: OpenedEpoch, leaves: readonly { readonly hash: string; readonly key: string }[]) {
    const keys = new Map(leaves.map(({ hash, key }) => [hash, key]));
    kept.set(epoch.hash, { epoch, keys, tree: createEpochTree([...keys.keys()]) });
    if (kept.size > epochsKept) kept.delete(kept.keys().next().value!);
  }

  return {
    async commit(until) {
      const from = last?.record.until ?? 0;
      if (until <= from) return undefined;
      const found = await issuedBetween(from, until);
      const receipts = found.flatMap(({ key, envelope }) => {
        const opened = tryOpenReceipt(envelope);
        return opened?.peer === signer.peer ? [{ key, hash: opened.hash, tokens: opened.record.tokensOut }] : [];
      });
      if (receipts.length === 0) return undefined;
      const tree = createEpochTree(receipts.map(({ hash }) => hash));
      const epoch = commitEpoch(
        {
          worker: signer.peer,
          epoch: (last?.record.epoch ?? -1) + 1,
          from,
          until,
          root: tree.root,
          count: tree.leaves.length,
          tokens: receipts.reduce((sum, { tokens }) => sum + tokens, 0),
          previous: last?.hash ?? chainStart,
        },
        signer,
      );
      const leaves = receipts.map(({ hash, key }) => ({ hash, key }));
      const place = String(epoch.record.epoch).padStart(16, '0');
      await storage.put('receipts', `${keyPrefix}${place}`, { envelope: epoch.envelope, leaves });
      const oldest = String(epoch.record.epoch - epochsKept).padStart(16, '0');
      if (epoch.record.epoch >= epochsKept) await storage.delete('receipts', `${keyPrefix}${oldest}`);
      keep(epoch, leaves);
      last = epoch;
      return epoch;
    },
    async open({ epoch, indices, receipts }) {
      const known = kept.get(epoch);
      if (!known) throw new TabloomError('epoch-unknown', 'This worker keeps no such epoch; ask for a newer one.');
      const { tree, keys } = known;
      const answers: AuditFrame[] = [];
      const places = new Set(indices.filter((index) => index < tree.leaves.length));
      for (const hash of receipts) {
        const index = tree.leaves.indexOf(hash);
        if (index >= 0) places.add(index);
        else answers.push({ t: 'absent', receipt: hash });
      }
      for (const index of places) {
        const receipt = await read(keys.get(tree.leaves[index]!)!);
        if (receipt?.type !== 'receipt') continue;
        answers.push({ t: 'leaf', index, receipt, path: [...tree.prove(index)] });
      }
      return answers;
    },
  };
}
