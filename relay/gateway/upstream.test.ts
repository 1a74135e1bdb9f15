import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { announce, answersWith, ask, gatewayFixture, worker } from './gateway.fixture.ts';

const paid = { name: 'm:upstream', artefact: 'b'.repeat(64), upstream: true as const };
const warning = { type: 'warning', code: 'answered-upstream', message: 'Another provider gave this answer.' } as const;

/** A worker with the model, so many of its slots taken, and what others offer besides. */
function scene({ running = 0, features = [] as string[], own = true } = {}) {
  const clock = manualClock();
  const fixture = gatewayFixture(
    async function* (request, _signal, time) {
      const model = typeof request.model === 'object' && 'name' in request.model ? request.model.name : 'any';
      if (model === 'm') {
        yield { type: 'job-failed', at: 0, error: { code: 'busy', message: 'Full.' }, rejections: [] };
        return;
      }
      yield* answersWith([warning, { type: 'text-delta', text: 'paid', tokens: 1 }])(request, _signal, time);
    },
    { clock },
  );
  announce(fixture.directory, clock, [...(own ? [{ name: 'm', slots: 2, running }] : []), { ...paid, features }]);
  const names = () =>
    fixture.asked.map(({ model }) => (typeof model === 'object' && 'name' in model ? model.name : model));
  return { ...fixture, names };
}
const m = (more: object = {}) => ask({ model: 'm', ...more });

describe('a model that another provider answers', () => {
  test('is asked after the model itself, and the answer says so', async () => {
    const { chat, names } = scene({ running: 1 });
    const response = await chat(m());
    expect(names()).toEqual(['m', 'm:upstream']);
    expect(response.headers.get('x-tabloom-warnings')).toBe('answered-upstream');
    expect(await response.json()).toMatchObject({ tabloom: { warnings: [{ code: 'answered-upstream' }] } });
  });

  test('is asked at once where no slot is free, or nobody serves the model itself', async () => {
    for (const one of [scene({ running: 2 }), scene({ own: false })]) {
      expect((await one.chat(m())).status).toBe(200);
      expect(one.names()).toEqual(['m:upstream']);
    }
  });

  test.each<[string, object]>([
    ['no fallbacks', { provider: { order: [worker.peer], allow_fallbacks: false } }],
    ['certain peers only', { provider: { only: [worker.peer] } }],
    ['certain peers only, in the older form', { tabloom: { peers: [worker.peer] } }],
    ['a feature that it has not', { logprobs: true }],
  ])('is not asked by a request for %s', async (_name, terms) => {
    const { chat, names } = scene({ running: 2 });
    const response = await chat(m(terms));
    expect(response.ok).toBe(false);
    expect(names().filter((name) => name !== 'm')).toEqual([]);
  });

  test('is not what "auto" means, and a name that looks like its is none of its own', async () => {
    const { chat, names } = scene({ running: 2 });
    await chat(m({ model: 'auto' }));
    expect(names()).toEqual(['any']);
    const plain = scene({ running: 2 });
    announce(
      plain.directory,
      manualClock(),
      [
        { name: 'other', running: 1 },
        { ...paid, name: 'other:upstream', upstream: undefined },
      ],
      8,
    );
    await plain.chat(m({ model: 'other' }));
    expect(plain.names()).toEqual(['other']);
  });

  test('is marked in the network', async () => {
    const { request } = scene();
    const network = await (await request('/v1/network')).json();
    expect(network).toMatchObject({
      models: expect.arrayContaining([expect.objectContaining({ name: 'm:upstream', upstream: true })]),
    });
    expect(network.models.find(({ name }: { readonly name: string }) => name === 'm')).not.toHaveProperty('upstream');
  });
});
