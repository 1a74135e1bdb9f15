import { beforeAll, describe, expect, test } from 'vitest';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Peer } from '#lib/peer/peer.ts';
import type { JobEvent } from '#lib/peer/spec.ts';
import { installEd25519 } from '#lib/protocol/ed25519.ts';
import { createRememberingEd25519 } from './ed25519.ts';
import { drawPlan } from './plan.ts';
import type { Doubles } from './residents.ts';
import { describeFailure, simulate } from './simulate.ts';

/** As many as fit in half a minute of a processor that is shared; `npm run simulate` takes any number. One that it finds is added here. */
const seeds = Array.from({ length: 30 }, (_, i) => i + 1);
const calm = { jobs: 0, honest: 0 };

beforeAll(() => installEd25519(createRememberingEd25519()));

describe('every invariant holds at every step', () => {
  test.each(seeds)('seed %i', async (seed) => {
    const { failure, ...report } = await simulate(seed);
    expect(failure && describeFailure(failure)).toBeUndefined();
    calm.jobs += report.calm.jobs;
    calm.honest += report.calm.honest;
  });

  test('and honest workers give nearly all answers once the faults are mended', () => {
    expect(calm.honest / calm.jobs).toBeGreaterThanOrEqual(0.97);
  });
});

test('the same seed gives the same history, byte for byte, and another seed another one', async () => {
  const [one, again, other] = [await simulate(4), await simulate(4), await simulate(5)];
  expect(again).toEqual(one);
  expect(one.trace.join('\n')).toBe(again.trace.join('\n'));
  expect(other.trace.join('\n')).not.toBe(one.trace.join('\n'));
  expect(one.trace.length).toBeGreaterThan(500);
});

/** A model whose answers are changed token by token. */
const changed =
  (change: (position: number) => 'kept' | 'dropped' | 'doubled'): Doubles['model'] =>
  (model: LoadedModel) => ({
    ...model,
    async *doStream(request, options) {
      let position = 0;
      for await (const event of model.doStream(request, options)) {
        const fate = event.type === 'text-delta' ? change(position++) : 'kept';
        if (fate !== 'dropped') yield event;
        if (fate === 'doubled') yield event;
      }
    },
  });

/** A peer whose own jobs report something else than what happened. */
const reporting =
  (report: (event: JobEvent) => readonly JobEvent[]): Doubles['peer'] =>
  (peer: Peer) => ({
    ...peer,
    consumer: {
      ...peer.consumer,
      async *ask(request, options) {
        for await (const event of peer.consumer.ask(request, options)) yield* report(event);
      },
    },
  });

/** A directory that never forgets. */
const unforgetting: Doubles['peer'] = (peer) => {
  const seen = new Map<string, ReturnType<Peer['directory']['entries']>[number]>();
  const entries = () => {
    for (const entry of peer.directory.entries()) seen.set(entry.offer.peer, entry);
    return [...seen.values()];
  };
  return { ...peer, directory: { ...peer.directory, entries } };
};

/** Faults put in on purpose, each with what the simulator has to say of it. */
const faults: Readonly<Record<string, readonly [Doubles, RegExp]>> = {
  'a token is lost': [{ model: changed((at) => (at === 7 ? 'dropped' : 'kept')) }, /is not the one that belongs there/],
  'a token comes twice': [{ model: changed((at) => (at === 7 ? 'doubled' : 'kept')) }, /is not the one that belongs/],
  'a job ends twice': [
    { peer: reporting((event) => (event.type === 'job-finished' ? [event, event] : [event])) },
    /came after its end/,
  ],
  'a job never ends': [{ peer: reporting((event) => (event.type === 'job-finished' ? [] : [event])) }, /ended 0 times/],
  'a worker runs more than its slots': [{ engine: { slots: 6 } }, /jobs run in 2 slots/],
  'engines are slow': [{ tokenDelayMs: 15 }, /times what they need/],
  'a directory keeps the dead': [{ peer: unforgetting }, /still lists/],
};

describe('a fault put in on purpose is found within ten seeds', () => {
  test.each(Object.entries(faults))('%s', async (_name, [doubles, message]) => {
    for (let seed = 1; seed <= 10; seed++) {
      const { failure } = await simulate(seed, drawPlan(seed), doubles);
      if (!failure) continue;
      expect(failure.message).toMatch(message);
      expect(describeFailure(failure)).toContain(`npm run simulate -- --seed ${seed} --verbose`);
      return;
    }
    expect.fail('not found');
  });
});
