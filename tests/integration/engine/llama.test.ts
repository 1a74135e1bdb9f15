import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import { runBenchmark } from '#lib/engine/run-benchmark.ts';
import type { LoadedModel, ModelEntry } from '#lib/engine/spec.ts';
import { createLlamaEngine } from '../../../relay/native/llama.ts';
import { demoStory } from '../../fixtures/demo-story.ts';
import { chat, loadingOnce, read, story } from '../../compliance/engine-kit.ts';
import { engineCases, type EngineSubject } from '../../compliance/engine.ts';

const models = fileURLToPath(new URL('../../../static/models/', import.meta.url));
const golden: readonly {
  messages: { role: 'user'; content: string }[];
  promptTokens: number[];
  tokens: number[];
  text: string;
}[] = JSON.parse(await readFile(new URL('../../../scripts/demo-model/golden.json', import.meta.url), 'utf8'));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-llama-'));
  const whole = await readFile(join(models, 'tabloom-demo.gguf'));
  await writeFile(join(folder, 'cut.gguf'), whole.subarray(0, whole.length >> 1));
});
afterAll(() => rm(folder, { recursive: true }));

const cut: ModelEntry = {
  ...demoModel,
  source: { ...demoModel.source, kind: 'gguf', url: '/models/cut.gguf' } as ModelEntry['source'],
};

const createEngine = () =>
  createLlamaEngine({
    clock: systemClock,
    pathOf: ({ source }) =>
      source.kind === 'gguf' && source.url.endsWith('cut.gguf')
        ? join(folder, 'cut.gguf')
        : join(models, 'tabloom-demo.gguf'),
  });

const { lend, close } = loadingOnce({ createEngine, model: demoModel });
const subject: EngineSubject = {
  createEngine,
  lend,
  model: demoModel,
  bad: { model: cut, code: 'model-corrupt' },
  resume: 'exact',
  context: 'counted',
  kinds: ['chat', 'completion', 'embedding'],
  storyPromptIds: demoStory.promptIds,
  storyIds: demoStory.ids,
  storyLogprobs: demoStory.logprobs,
};

describe('llama keeps the engine contract', () => {
  afterAll(close);
  for (const { name, run } of engineCases) test(name, () => run(subject));
});

describe('the demo model in llama.cpp', () => {
  let loaded: LoadedModel;
  const engine = createEngine();
  beforeAll(async () => {
    loaded = await engine.load(demoModel, {});
  });
  afterAll(() => engine.close());

  test('gives the trainer’s greedy tokens, text and counts', async () => {
    for (const { messages, promptTokens, tokens, text } of golden) {
      const made: number[] = [];
      let said = '';
      const params = { maxTokens: tokens.length + 1, temperature: 0 };
      for await (const event of loaded.doStream({ kind: 'chat', input: { messages }, params }, {})) {
        if (event.type === 'text-delta') {
          said += event.text;
          made.push(...(event.ids ?? []));
        }
        if (event.type === 'finish') {
          expect(event).toMatchObject({
            reason: 'stop',
            usage: { tokensIn: promptTokens.length, tokensOut: tokens.length },
          });
        }
      }
      expect({ said, made }).toEqual({ said: text, made: tokens });
    }
  });

  test('has a speed that the start-up benchmark finds out', async () => {
    const measured = await runBenchmark(loaded);
    expect(measured?.decodeTps).toBeGreaterThan(0);
    expect(measured?.prefillTps).toBeGreaterThan(0);
  });

  test('reads and answers the story of the suites in these tokens', async () => {
    const ids: number[] = [];
    for await (const event of loaded.doStream(chat(story, { maxTokens: 40 }), {})) {
      if (event.type === 'text-delta') ids.push(...(event.ids ?? []));
      if (event.type === 'finish') expect(event.usage.tokensIn).toBe(demoStory.promptIds.length);
    }
    expect(ids).toEqual(demoStory.ids);
  });

  test('goes on from the last token whose text was delivered, and says so', async () => {
    const whole = await read(loaded.doStream(chat(story, { maxTokens: 40 }), {}));
    const heads = whole.parts.slice(0, 9);
    const text = heads.map((part) => (part.type === 'text-delta' ? part.text : '')).join('');
    const ids = demoStory.ids.slice(0, 9);
    const elsewhere = { text, ids: [...ids.slice(0, 6), 404, 404, 404], tokens: 9 };
    const rest = await read(loaded.doStream({ ...chat(story, { maxTokens: 40 }), resume: elsewhere }, {}));
    expect(rest.warnings).toEqual(['resume-text']);
    expect(text + rest.text).toBe(whole.text);
    const known = await read(
      loaded.doStream({ ...chat(story, { maxTokens: 40 }), resume: { text, ids, tokens: 9 } }, {}),
    );
    expect({ warnings: known.warnings, text: text + known.text }).toEqual({ warnings: [], text: whole.text });
  });

  test('says where text alone fell into other tokens than it was made of', async () => {
    const whole = await read(loaded.doStream(chat(story, { temperature: 0, maxTokens: 20 }), {}));
    const head = whole.parts.flatMap((part) => (part.type === 'text-delta' ? [part] : []));
    const text = head.map((part) => part.text).join('');
    const tokens = head.reduce((sum, part) => sum + part.tokens, 0);
    const warningsOf = async (made: number) => {
      const resume = { text, tokens: made };
      return (await read(loaded.doStream({ ...chat(story, { maxTokens: made + 1 }), resume }, {}))).warnings;
    };
    expect(await warningsOf(tokens)).toEqual([]);
    // As if it had been written letter by letter, which is possible where a model is hot.
    expect(await warningsOf(text.length)).toEqual(['resume-text']);
  });

  test('refuses a bias that it cannot set, and ids that are none of its own', async () => {
    const codes = [];
    for (const params of [
      { logitBias: [[2, -100]] as [number, number][] },
      { logitBias: [[999_999, 1]] as [number, number][] },
    ]) {
      codes.push(await read(loaded.doStream(chat(story, params), {})).catch(errorCode));
    }
    codes.push(
      await read(loaded.doStream({ ...chat(story), resume: { text: '', ids: [999_999], tokens: 1 } }, {})).catch(
        errorCode,
      ),
    );
    expect(codes).toEqual(['bad-request', 'bad-request', 'bad-request']);
  });
});

test('a file that is overwritten while it is loaded changes no answer', async () => {
  const file = join(folder, 'replaced.gguf');
  const whole = await readFile(join(models, 'tabloom-demo.gguf'));
  await writeFile(file, whole);
  const engine = createLlamaEngine({ clock: systemClock, pathOf: () => file });
  const loaded = await engine.load(demoModel, {});
  await writeFile(file, new Uint8Array(whole.length));
  const [{ messages, tokens, text }] = golden as [(typeof golden)[number]];
  let said = '';
  const params = { maxTokens: tokens.length + 1, temperature: 0 };
  for await (const event of loaded.doStream({ kind: 'chat', input: { messages }, params }, {})) {
    if (event.type === 'text-delta') said += event.text;
  }
  expect(said).toBe(text);
  await engine.close();
});
