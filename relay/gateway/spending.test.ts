import { expect, test } from 'vitest';
import { payError } from '#lib/pay/errors.ts';
import type { JobHold } from './metering.ts';
import { answers, ask, failed, finished, accepted, part, gatewayFixture } from './gateway.fixture.ts';
import { withTerms, type Allowance, type Spending, type SpendingJob } from './spending.ts';

/** Allows what it is told, and writes down what becomes of it. */
function spendingOf(units: bigint | undefined, steps: string[] = []) {
  const jobs: SpendingJob[] = [];
  const spending: Spending = {
    allow(job) {
      steps.push('allow');
      jobs.push(job);
      if (units === undefined) return undefined;
      let left = units;
      const allowance: Allowance = {
        terms: () => ({ budget: (left--).toString(), priceMax: { in: '5', out: '7' } }),
        end: () => void steps.push('end'),
      };
      return allowance;
    },
  };
  return { spending, jobs };
}

test('a job may cost something only once it is held for, until it is over', async () => {
  const steps: string[] = [];
  const { spending, jobs } = spendingOf(9n, steps);
  const metering = {
    hold: async ({ job }: JobHold) => void steps.push(`hold ${job.length}`),
    close: async () => void steps.push('close'),
  };
  const { chat, asked } = gatewayFixture(answers('hello'), { spending, metering });
  expect((await chat(ask())).status).toBe(200);
  expect(steps).toEqual(['hold 32', 'allow', 'close', 'end']);
  expect(asked[0]).toMatchObject({ budget: '9', priceMax: { in: '5', out: '7' } });
  expect(jobs[0]!.ids).toEqual([asked[0]!.id]);
});

test('a job that nothing is held for, or that nobody pays for, has no budget', async () => {
  const refused = spendingOf(9n);
  const metering = { hold: () => Promise.reject(payError('bad-amount')), close: async () => undefined };
  const poor = gatewayFixture(answers('hello'), { spending: refused.spending, metering });
  await poor.chat(ask());
  expect([refused.jobs, poor.asked]).toEqual([[], []]);

  const { chat, asked } = gatewayFixture(answers('hello'), { spending: spendingOf(undefined).spending });
  await chat(ask());
  expect(asked[0]).not.toHaveProperty('budget');
  expect(asked[0]).not.toHaveProperty('priceMax');
});

test('each further model gets what the ones before it left', async () => {
  const { spending } = spendingOf(9n);
  const { chat, asked } = gatewayFixture(
    async function* (request, _signal, clock) {
      if (asked.length === 1) return yield failed('no-peer-available');
      yield* accepted(request, clock);
      yield part('a', clock);
      yield finished(request, ['a'], clock);
    },
    { spending },
  );
  await chat(ask({ models: ['tabloom-demo', 'catalogued'] }));
  expect(asked.map(({ budget }) => budget)).toEqual(['9', '8']);
});

test('the lower of two prices holds', () => {
  const terms = { budget: '9', priceMax: { in: '5', out: '7' } };
  expect(withTerms({ priceMax: { in: '4', out: '30' } }, terms).priceMax).toEqual({ in: '4', out: '7' });
  expect(withTerms({ priceMax: { in: '40', out: '3' } }, terms).priceMax).toEqual({ in: '5', out: '3' });
  expect(withTerms({ priceMax: { in: '4', out: '3' } }, undefined)).toEqual({ priceMax: { in: '4', out: '3' } });
});

test('a relay that cannot pay is a 503 with a time to try again, and costs nothing', async () => {
  const closed: unknown[] = [];
  const metering = {
    hold: async () => undefined,
    close: async ({ used }: { used: unknown }) => void closed.push(used),
  };
  const { chat } = gatewayFixture(
    async function* () {
      yield failed('spending-unavailable' as never);
    },
    { spending: spendingOf(9n).spending, metering },
  );
  const response = await chat(ask());
  expect([response.status, response.headers.get('retry-after')]).toEqual([503, '30']);
  expect((await response.json()).error.code).toBe('spending_unavailable');
  expect(closed).toEqual([undefined]);
});
