import { deserialize, serialize } from 'node:v8';
import type { LedgerDatabase } from './database.ts';

/**
 * Answers under an Idempotency-Key, so that a request that comes again is answered and not run again: after a restart, and
 * at another gateway. They hold the text of the answer for as long as that may happen, and of the request only a hash.
 */
export interface AnswerStore {
  /** Takes a name for a run that is about to start, or says what became of the one that took it before. */
  claim(claim: AnswerClaim): Promise<ClaimedAnswer>;
  /** Keeps the answer. Larger ones are not kept, and can be run again. */
  save(name: string, answer: StoredAnswer): Promise<void>;
  /** Gives the name back, after a run that came to no answer. */
  release(name: string): Promise<void>;
}

export interface AnswerClaim {
  readonly name: string;
  readonly bodyHash: string;
  readonly expiresAt: number;
}

export interface StoredAnswer {
  /** Of the job for each model that may have been asked. */
  readonly ids: readonly string[];
  /** Whatever the gateway replays. */
  readonly events: readonly unknown[];
}

export type ClaimedAnswer =
  | { readonly type: 'claimed' }
  | { readonly type: 'answered'; readonly answer: StoredAnswer }
  /** At another gateway, now. */
  | { readonly type: 'running' }
  | { readonly type: 'other-body' };

const answerBytesMax = 1024 * 1024;
const answersMax = 1_024;

export function createAnswerStore(
  db: LedgerDatabase,
  { gateway, now }: { readonly gateway: string; readonly now: () => number },
): AnswerStore {
  const prune = async () => {
    await db.deleteFrom('answers').where('expires_at', '<=', BigInt(now())).execute();
    const oldest = db
      .selectFrom('answers')
      .select('name')
      .where('events', 'is not', null)
      .orderBy('expires_at', 'desc')
      .offset(answersMax)
      .limit(answersMax);
    await db.deleteFrom('answers').where('name', 'in', oldest).execute();
  };

  return {
    async claim({ name, bodyHash, expiresAt }) {
      await prune();
      const { numInsertedOrUpdatedRows } = await db
        .insertInto('answers')
        .values({ name, body_hash: bodyHash, gateway, expires_at: BigInt(expiresAt), ids: '[]', events: null })
        .onConflict((conflict) => conflict.column('name').doNothing())
        .executeTakeFirstOrThrow();
      if (numInsertedOrUpdatedRows === 1n) return { type: 'claimed' };
      const row = await db.selectFrom('answers').selectAll().where('name', '=', name).executeTakeFirst();
      if (row && row.body_hash !== bodyHash) return { type: 'other-body' };
      if (row?.events) {
        const answer = { ids: JSON.parse(row.ids) as string[], events: deserialize(row.events) as unknown[] };
        return { type: 'answered', answer };
      }
      // Its own claims are known to the gateway itself: this one is of a process that was killed.
      return row?.gateway === gateway ? { type: 'claimed' } : { type: 'running' };
    },
    async save(name, { ids, events }) {
      const bytes = serialize(events);
      if (bytes.length > answerBytesMax) return this.release(name);
      await db
        .updateTable('answers')
        .set({ ids: JSON.stringify(ids), events: bytes })
        .where('name', '=', name)
        .where('gateway', '=', gateway)
        .execute();
    },
    async release(name) {
      await db.deleteFrom('answers').where('name', '=', name).where('gateway', '=', gateway).execute();
    },
  };
}
