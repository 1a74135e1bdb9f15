import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { seededRandom } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { LoadedModel, RequestOf } from '#lib/engine/spec.ts';
import { canaryText, surfaceOf } from '#lib/market/canary-text.ts';
import { judgeAnswer, mannerOf } from '#lib/trust/rescore.ts';
import { addMargins, sequentialStart } from '#lib/trust/sequential.ts';
import { createLlamaEngine } from '../../../relay/native/llama.ts';

/** The worker decodes token by token and the judge reads all of them at once: other kernels, which add up in another order. */
const file = fileURLToPath(new URL('../../../static/models/tabloom-demo.gguf', import.meta.url));
const engine = createLlamaEngine({ clock: systemClock, pathOf: () => file });
let loaded: LoadedModel;
beforeAll(async () => {
  loaded = await engine.load(demoModel, {});
});
afterAll(() => engine.close());

type Chat = RequestOf<'chat'>;
type Judged = Awaited<ReturnType<typeof judged>>;
const random = seededRandom(3);
const surface = surfaceOf('Which of the two is the larger one, and why is it so?');
let seeds = 0;
/** Sampled ones are drawn alike in each run: what the verdicts say of chances is shown where the chances are. */
const asking = (content: string, temperature = 0): Chat => ({
  kind: 'chat',
  input: { messages: [{ role: 'user', content }] },
  params: { maxTokens: 64, temperature, ...(temperature > 0 ? { seed: ++seeds } : {}) },
});
const canary = (temperature = 0): Chat => asking(canaryText(random, surface), temperature);

async function answerOf(request: Chat) {
  const ids: number[] = [];
  let text = '';
  let ending: 'stop' | 'length' = 'length';
  for await (const event of loaded.doStream(request, {})) {
    if (event.type === 'finish' && event.reason === 'stop') ending = 'stop';
    if (event.type !== 'text-delta') continue;
    ids.push(...(event.ids ?? []));
    text += event.text;
  }
  return { ids, text, ending };
}

interface Given {
  readonly ids: readonly number[];
  readonly text?: string;
  readonly ending?: 'stop' | 'length';
}

async function judged(request: Chat, { ids, text, ending }: Given) {
  const manner = mannerOf(request.params);
  const distribution = manner.type === 'sampled' ? { temperature: manner.temperature } : undefined;
  const scores = await loaded.score!({ prompt: request, answer: ids, text, ending, distribution }, {});
  return judgeAnswer({ scores, ended: ending === 'stop', manner });
}

const verdict = async (request: Chat, given: Given) => (await judged(request, given)).verdict;

test.each([0, 0.7, 1])('the same weights never fail an answer of their own (temperature %f)', async (temperature) => {
  const verdicts: string[] = [];
  for (let i = 0; i < 8; i++) {
    const request = canary(temperature);
    verdicts.push(await verdict(request, await answerOf(request)));
  }
  expect(verdicts).not.toContain('failed');
  expect(verdicts).toContain('passed');
});

test('an answer that is not of these weights is failed', async () => {
  const verdicts: string[] = [];
  for (let i = 0; i < 8; i++) {
    const request = canary();
    // As weights that know nothing of this vocabulary would have it.
    const foreign = (await answerOf(request)).ids.map((id) => (id * 31 + 7) % 500);
    verdicts.push(await verdict(request, { ids: foreign }));
  }
  expect(verdicts).not.toContain('passed');
  expect(verdicts.filter((one) => one === 'failed').length).toBeGreaterThanOrEqual(6);
});

test('a canned answer in the model’s own words may pass once; a worker that gives no other is found by all of them', async () => {
  // One that it would give to some of these questions itself has likelier beginnings, and is not found by so many.
  const canned = await answerOf(asking('Is my prompt private?'));
  let [honest, cheat] = [sequentialStart, sequentialStart];
  for (let i = 0; i < 120 && cheat.verdict === 'open'; i++) {
    const request = canary();
    const own = await answerOf(request);
    if (own.text === canned.text) continue;
    honest = addMargins(honest, (await judged(request, { ids: own.ids })).margins);
    cheat = addMargins(cheat, (await judged(request, { ids: canned.ids })).margins);
  }
  expect([honest.verdict, cheat.verdict]).toEqual(['open', 'convicted']);
});

test.each([0, 1])(
  'an answer cut off where the model would go on is failed by its end alone (temperature %f)',
  async (temperature) => {
    const cutOff: Judged[] = [];
    for (let i = 0; i < 8; i++) {
      const request = canary(temperature);
      const { ids, ending } = await answerOf(request);
      expect((await judged(request, { ids, ending })).verdict).not.toBe('failed');
      cutOff.push(await judged(request, { ids: ids.slice(0, ids.length >> 1), ending: 'stop' }));
    }
    // Half of a sampled answer may be a whole one: the model draws the end there now and then, and nobody is failed for that.
    const found = cutOff.filter(({ verdict }) => verdict === 'failed');
    expect(new Set(found.flatMap(({ reasons }) => reasons))).toEqual(new Set(['truncated']));
    expect(found.length).toBeGreaterThanOrEqual(4);
  },
);

test('an answer that goes on where the model has ended is failed', async () => {
  const request = { ...canary(), params: { maxTokens: 256, temperature: 0 } };
  const { ids, ending } = await answerOf(request);
  expect(ending).toBe('stop');
  const more = await judged(request, { ids: [...ids, ...ids.slice(0, 3)], ending: 'length' });
  expect(more).toMatchObject({ verdict: 'failed', reasons: ['past-end'] });
});

test('tokens that are not those of the text are not scored', async () => {
  const request = canary();
  const { ids, text } = await answerOf(request);
  await expect(loaded.score!({ prompt: request, answer: ids, text: `${text} Buy now!` }, {})).rejects.toMatchObject({
    code: 'bad-request',
  });
});
