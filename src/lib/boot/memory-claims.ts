import { toHex } from '#lib/base/bytes.ts';
import type { Random } from '#lib/base/random.ts';
import type { ModelEntry } from '#lib/engine/spec.ts';

/** A model in the memory of a tab. */
export type ClaimedModel = Pick<ModelEntry, 'name' | 'memoryBytes'>;

/** What the tabs of this browser have in memory together: each holds a lock for each of its models, which the browser gives up with the tab. */
export interface MemoryClaims {
  /** Counts until the function it returns is called. */
  claim(model: ClaimedModel): () => void;
  /** In other tabs, loaded or being loaded; empty where the browser cannot tell. */
  others(): Promise<readonly ClaimedModel[]>;
}

const prefix = 'tabloom-model';

/** @param locks undefined where the browser has none, as on a page over plain http: then nothing is known of other tabs. */
export function createMemoryClaims(locks: LockManager | undefined, random: Random): MemoryClaims {
  const me = toHex(random.bytes(8));
  let claims = 0;
  return {
    claim({ name, memoryBytes }) {
      const over = Promise.withResolvers<void>();
      locks?.request([prefix, me, claims++, memoryBytes, name].join('/'), () => over.promise).catch(() => undefined);
      return over.resolve;
    },
    async others() {
      const { held = [], pending = [] } = (await locks?.query().catch(() => undefined)) ?? {};
      return [...held, ...pending].flatMap(({ name: lock = '' }) => {
        const [first, tab, , memoryBytes, ...name] = lock.split('/');
        return first === prefix && tab !== me && name.length > 0
          ? [{ name: name.join('/'), memoryBytes: Number(memoryBytes) }]
          : [];
      });
    },
  };
}
