import { readFile } from 'node:fs/promises';
import { expect, test } from '@playwright/test';
import type { ChatMessage } from '#lib/protocol/kinds/chat.ts';
import { continuing, nearTieMax, restTokens, textOf, type NearTies } from '../../fixtures/near-ties.ts';
import { engineCases } from '../../compliance/engine.ts';
import { openBenchPage, type BenchPage } from './bench-page.ts';
import type { EngineBench } from './page/main.ts';

declare const bench: EngineBench;

test.describe.configure({ mode: 'serial' });
let opened: BenchPage;
test.beforeAll(async () => {
  opened = await openBenchPage();
});
test.afterAll(() => opened.close());

test.describe('wllama', () => {
  for (const { name } of engineCases) {
    test(name, async () => {
      expect(await opened.page.evaluate((wanted) => bench.runWllamaCase(wanted), name)).toBe('ok');
    });
  }
  test.afterAll(() => opened.page.evaluate(() => bench.endWllamaCases()));
});

test('greedy answers are the trainer’s', async () => {
  const path = new URL('../../../scripts/demo-model/golden.json', import.meta.url);
  const golden: { messages: ChatMessage[]; promptTokens: number[]; tokens: number[]; text: string }[] = JSON.parse(
    await readFile(path, 'utf8'),
  );
  const answers = await opened.page.evaluate(
    (requests) => bench.greedy(requests),
    golden.map(({ messages, tokens }) => ({
      kind: 'chat' as const,
      input: { messages },
      params: { maxTokens: tokens.length + 1, temperature: 0 },
    })),
  );
  expect(answers).toEqual(
    golden.map(({ text, tokens, promptTokens }) => ({
      text,
      usage: { tokensIn: promptTokens.length, tokensOut: tokens.length },
      reason: 'stop',
    })),
  );
});

test('an answer that llama.cpp has begun in Node differs at near-ties only', async () => {
  const path = new URL('../../vectors/near-ties.json', import.meta.url);
  const { cases } = JSON.parse(await readFile(path, 'utf8')) as NearTies;
  const cut = 5;
  const requests = cases.map((one) => continuing(one, cut));
  const answers = await opened.page.evaluate((given) => bench.greedy(given), requests);
  for (const [at, { question, rest }] of cases.entries()) {
    let said = '';
    for (const { text, margin } of rest.slice(cut)) {
      said += text;
      if (answers[at]!.text.startsWith(said)) continue;
      expect(margin, `"${question}", case ${at}, at "${said}"`).toBeLessThan(nearTieMax);
      break;
    }
  }
});

test('one thread and two differ at near-ties only', async () => {
  const path = new URL('../../vectors/near-ties.json', import.meta.url);
  const { cases } = JSON.parse(await readFile(path, 'utf8')) as NearTies;
  const given = cases.flatMap(({ question, head, rest }) =>
    [0, 5, 16].map((cut) => ({ question, begun: head.text + textOf(rest.slice(0, cut)) })),
  );
  const [single, multi] = await opened.page.evaluate(
    async ([begun, tokens]) => {
      const prompts = begun.map((one) => bench.chatPrompt(one.question) + one.begun);
      return [await bench.placesWith(1, prompts, tokens), await bench.placesWith(2, prompts, tokens)] as const;
    },
    [given, restTokens] as const,
  );
  expect([single.isMultithread, multi.isMultithread]).toEqual([false, true]);
  let compared = 0;
  for (const [at, one] of single.answers.entries()) {
    const other = multi.answers[at]!;
    const apart = one.findIndex(({ token }, place) => token !== other[place]?.token);
    compared += apart < 0 ? one.length : apart;
    if (apart < 0) continue;
    const margin = Math.min(one[apart]!.margin, other[apart]?.margin ?? Infinity);
    expect(margin, `"${given[at]!.begun}", place ${apart}`).toBeLessThan(nearTieMax);
  }
  expect(compared).toBeGreaterThan(given.length * 5);
});

test('an interrupted download goes on where it was, and the next load needs no network', async () => {
  const { page, requests } = opened;
  const known = await page.evaluate(() => bench.demo());
  const demo = { ...known, source: { ...known.source, url: '/models/slow.gguf' } as typeof known.source };
  await page.evaluate((hash) => bench.forget(hash), sha256(demo));
  const cut = await page.evaluate(([model]) => bench.load('wllama', model, 1_500_000), [demo] as const);
  expect(cut.code).toBe('aborted');
  const [partial] = await page.evaluate(() => bench.stored());
  expect(partial!.storedBytes).toBeGreaterThanOrEqual(1_500_000);
  expect(partial!.storedBytes).toBeLessThanOrEqual(2 * 1024 * 1024);

  const resumed = await page.evaluate(([model]) => bench.load('wllama', model), [demo] as const);
  expect(resumed.code).toBe('ok');
  expect(requests.at(-1)).toEqual({
    path: '/models/slow.gguf',
    range: `bytes=${partial!.storedBytes}-`,
    status: 206,
  });
  const before = requests.length;
  const cached = await page.evaluate(([model]) => bench.load('wllama', model), [demo] as const);
  expect(cached.code).toBe('ok');
  expect(cached.steps.every((step) => step.phase !== 'download')).toBe(true);
  expect(requests.length).toBe(before);
  await page.evaluate((hash) => bench.forget(hash), sha256(demo));
  expect(await page.evaluate(() => bench.stored())).toEqual([]);
});

test('a file cut short is refused and nothing of it is kept', async () => {
  const { page } = opened;
  const demo = await page.evaluate(() => bench.demo());
  const cut = { ...demo, source: { ...demo.source, url: '/models/cut.gguf' } as typeof demo.source };
  expect((await page.evaluate((model) => bench.load('wllama', model), cut)).code).toBe('model-corrupt');
  expect(await page.evaluate(() => bench.stored())).toEqual([]);
});

const sha256 = (model: { source: { kind: string } }): string =>
  model.source.kind === 'gguf' ? (model.source as { kind: 'gguf' } & { sha256: string }).sha256 : '';
