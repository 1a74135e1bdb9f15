import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { seededRandom } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import { createLlamaEngine } from '../../../relay/native/llama.ts';
import { chat, read } from '../../compliance/engine-kit.ts';
import {
  continuing,
  headTokens,
  marginDriftMax,
  nearTieMax,
  placesOf,
  type NearTieCase,
  type NearTies,
} from '../../fixtures/near-ties.ts';

const file = new URL('../../vectors/near-ties.json', import.meta.url);
const models = fileURLToPath(new URL('../../../static/models/', import.meta.url));
const engine = createLlamaEngine({ clock: systemClock, pathOf: () => `${models}tabloom-demo.gguf` });
afterAll(() => engine.close());

let llama: LoadedModel;
let vectors: NearTies;
beforeAll(async () => {
  llama = await engine.load(demoModel, {});
  // `WRITE_VECTORS=1 npx vitest run tests/integration/engine/near-ties.test.ts` writes them anew.
  if (process.env['WRITE_VECTORS']) await writeFile(file, `${JSON.stringify(await measure(), null, 1)}\n`);
  vectors = JSON.parse(await readFile(file, 'utf8')) as NearTies;
}, 120_000);

/** Continuations of heads that are a soup of tokens, in which the model is in doubt; those where it is the most. */
async function measure(): Promise<NearTies> {
  const questions = ['Tell me a story', 'What is Tabloom?', 'What is a receipt?', 'Who are you?'];
  const random = seededRandom(1);
  const cases: NearTieCase[] = [];
  for (let seed = 1; seed <= 120; seed++) {
    const question = questions[seed % questions.length]!;
    const logitBias = Array.from({ length: 40 }, () => [280 + Math.floor(random.float() * 700), 100] as const);
    const params = { temperature: 2, seed, maxTokens: headTokens, logitBias: [...new Map(logitBias)] };
    const { text, ids } = await read(llama.doStream(chat(question, params), {}));
    if (ids?.length !== headTokens) continue;
    const begun = { question, head: { text, ids, tokens: headTokens }, rest: [] };
    const rest = await placesOf(llama, continuing(begun, 0));
    if (rest.length > 5 && (await goesOnFromText({ ...begun, rest }))) cases.push({ ...begun, rest });
  }
  const doubt = ({ rest }: NearTieCase) => Math.min(...rest.map(({ margin }) => margin));
  return { model: demoModel.artefact, cases: cases.sort((a, b) => doubt(a) - doubt(b)).slice(0, 16) };
}

/** Whether the text up to the cut of the browser's suite falls into the same tokens: wllama goes on from text alone. */
async function goesOnFromText(one: NearTieCase): Promise<boolean> {
  const { resume, ...request } = continuing(one, 5);
  const { text, tokens } = resume!;
  const places = await placesOf(llama, { ...request, resume: { text, tokens } });
  return one.rest.slice(5).every(({ id }, at) => id === places[at]?.id);
}

test('wherever it is cut, an answer differs at near-ties only', async () => {
  expect(vectors.model).toBe(demoModel.artefact);
  let [compared, drift] = [0, 0];
  for (const one of vectors.cases) {
    // What was written token by token is read at once now: that alone is another order of adding up.
    for (const cut of [0, 5, 16]) {
      const whole = one.rest.slice(cut);
      const resumed = await placesOf(llama, continuing(one, cut));
      for (const [at, { id, margin }] of whole.entries()) {
        if (id !== resumed[at]?.id) {
          expect(margin, `"${one.question}" cut after ${cut}, place ${at}`).toBeLessThan(nearTieMax);
          break;
        }
        compared += 1;
        drift = Math.max(drift, Math.abs(margin - resumed[at].margin));
      }
    }
  }
  expect(compared).toBeGreaterThan(vectors.cases.length * 5);
  expect(drift).toBeLessThan(marginDriftMax);
});
