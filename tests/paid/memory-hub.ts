import { seededRandom } from '#lib/base/random.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { Purse, Till } from '#lib/pay/ports.ts';
import { demo, paidPrice } from '#lib/peer/peer.fixture.ts';
import { createChannelCloser } from '#lib/peer/serve/close-channels.ts';
import { initialJob, reduceJob, type JobState } from '#lib/peer/session/job-state.ts';
import type { Consumer } from '#lib/peer/spec.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { createHubModel } from '../../relay/hub/engine.ts';
import { createLegs } from '../../relay/hub/legs.ts';
import type { Ground } from './memory-process.ts';

/** Half as much again as what it pays workers. */
export const hubPrice = { in: '1500000', out: '3000000' } as const;

/** A job at a worker costs the hub so much at most. */
const jobMax = 5_000n;

/** A hub: the relay's own legs and engine on a net in memory. `stop` ends what it has under way, as being killed does. */
export async function openHub(
  { world }: Ground,
  parts: {
    readonly till: Till;
    readonly purse: Purse;
    /** Gains every job that it asks of workers. */
    readonly passed: { state: JobState }[];
    readonly workers: () => readonly PeerId[];
  },
) {
  const { clock } = world;
  const killed = new AbortController();
  const legs = createLegs({ till: parts.till, purse: parts.purse, clock });
  const { consumer, net } = await world.asker(31, { purse: legs.purse });
  const noted: Pick<Consumer, 'ask'> = {
    async *ask(request, { signal } = {}) {
      const job = { state: initialJob };
      parts.passed.push(job);
      const either = signal ? AbortSignal.any([signal, killed.signal]) : killed.signal;
      for await (const event of consumer.ask(request, { signal: either })) {
        job.state = reduceJob(job.state, event);
        yield event;
      }
    },
  };
  const model = createHubModel(
    { entry: { ...demoModel, ...demo }, contextTokens: 4_096, kinds: ['chat'], features: [], slots: 4 },
    {
      consumer: { ...consumer, ...noted },
      legs,
      clock,
      random: seededRandom(5),
      allow: () => () => undefined,
      jobMax,
      priceMax: paidPrice,
      providersOf: parts.workers,
    },
  );
  const worker = await world.worker(30, { model, price: hubPrice, provider: { till: legs.till } });
  await createChannelCloser({ net: worker.net, till: legs.till, clock, logger: silentLogger }).start();
  return { worker, net, stop: () => killed.abort() };
}
