import { seededRandom } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { createBank, type TestPurse, type TestTill } from '#lib/peer/payments.fixture.ts';
import { chat, createWorld, demo, follow, type Followed, type Worker, type World } from '#lib/peer/peer.fixture.ts';
import type { AskRequest, AskTerms } from '#lib/peer/spec.ts';
import { createHubModel } from './engine.ts';
import { createLegs } from './legs.ts';

export const providerPrice = { in: '1000000', out: '2000000' };
export const hubPrice = { in: '1500000', out: '3000000' };

/** An asker, a hub and providers on one clock, with money that is only counted. */
export interface Town extends World {
  readonly askerPurse: TestPurse;
  readonly hubPurse: TestPurse;
  readonly hubTill: TestTill;
  readonly tills: readonly TestTill[];
  readonly providers: readonly Worker[];
  readonly hub: Worker;
  /** Asks the hub, and nobody else. */
  ask(change?: Partial<AskTerms>): Followed;
  /** Units that have gone that way, over all jobs. */
  sums(): { readonly paid: bigint; readonly passedOn: bigint; readonly received: readonly bigint[] };
}

export async function createTown({
  answerTokens = 300,
  providers: count = 1,
  price = hubPrice,
}: { answerTokens?: number; providers?: number; price?: typeof hubPrice } = {}): Promise<Town> {
  const world = createWorld();
  const bank = createBank();
  const [askerPurse, hubPurse, hubTill] = [bank.purse(1), bank.purse(2), bank.till(50)];
  const tills = Array.from({ length: count }, (_, index) => bank.till(index + 7));
  const providers: Worker[] = [];
  for (const [index, till] of tills.entries()) {
    providers.push(await world.worker(index + 1, { answerTokens, price: providerPrice, provider: { till } }));
  }
  const legs = createLegs({ till: hubTill, purse: hubPurse, clock: world.clock });
  const { consumer } = await world.asker(41, { purse: legs.purse });
  const model = createHubModel(
    {
      entry: { ...demoModel, ...demo },
      contextTokens: 4_096,
      kinds: ['chat'],
      features: [],
      slots: 4,
    },
    {
      consumer,
      legs,
      clock: world.clock,
      random: seededRandom(5),
      allow: () => () => undefined,
      jobMax: 10n ** 9n,
      priceMax: providerPrice,
      providersOf: () => providers.map(({ net }) => net.self),
    },
  );
  const hub = await world.worker(40, { model, price, provider: { till: legs.till } });
  const asker = await world.asker(42, { purse: askerPurse });
  return {
    ...world,
    askerPurse,
    hubPurse,
    hubTill,
    tills,
    providers,
    hub,
    ask(change = {}) {
      const params = { maxTokens: 500, temperature: 0 };
      const only = [hub.net.self];
      return follow(asker.consumer, { ...chat('hello'), params, budget: '100000', only, ...change } as AskRequest);
    },
    sums() {
      return {
        paid: askerPurse.total,
        passedOn: hubPurse.total,
        received: tills.map(({ total }) => total),
      };
    },
  };
}
