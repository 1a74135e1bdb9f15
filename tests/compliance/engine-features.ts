import type { LoadedModel } from '#lib/engine/spec.ts';
import type { ChatTool } from '#lib/protocol/kinds/chat.ts';
import type { GenerationParams } from '#lib/protocol/kinds/generation.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { boundedSchemas } from '../fixtures/json-schemas.ts';
import {
  ask,
  assert,
  chat,
  codeOf,
  equal,
  loadedCase,
  story,
  type EngineCase,
  type EngineSubject,
} from './engine-kit.ts';
import { fits } from './fits-schema.ts';

const argumentsSchema = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 8 }, days: { type: 'integer', minimum: 1, maximum: 9 } },
  required: ['city'],
  additionalProperties: false,
};
const tools: ChatTool[] = [
  { name: 'get_weather', description: 'Weather of a city', parameters: JSON.stringify(argumentsSchema) },
  { name: 'now' },
];
const named = { type: 'named', name: 'get_weather' } as const;
const format = (schema: unknown) => ({ type: 'json-schema', schema: JSON.stringify(schema) }) as const;

/** Requests that each need exactly one feature. */
const needing: readonly (readonly [Feature, ReturnType<typeof chat>])[] = [
  ['json-schema', chat('Hello', { responseFormat: { type: 'json-object' } })],
  ['tools', chat('Hello', {}, tools)],
  ['logprobs', chat('Hello', { logprobs: 1 })],
  ['logit-bias', chat('Hello', { logitBias: [[100, 1]] })],
];

/** A case that only runs for models with `feature`. */
const featureCase = (
  feature: Feature,
  name: string,
  run: (loaded: LoadedModel, subject: EngineSubject) => Promise<void>,
): EngineCase =>
  loadedCase(name, async (loaded, subject) => {
    if (loaded.features.includes(feature)) await run(loaded, subject);
  });

export const featureCases: readonly EngineCase[] = [
  loadedCase('refuses features it does not list before any work', async (loaded) => {
    // A remote server's features are only known by asking it; peers check them before that.
    if (loaded.engine.deviceClass === 'remote') return;
    for (const [feature, request] of needing) {
      if (loaded.features.includes(feature)) continue;
      equal(await codeOf(() => ask(loaded, request)), 'feature-unavailable', `code where ${feature} is missing`);
    }
    equal((await ask(loaded, chat('Hello'))).finishes.length, 1, 'answers after it');
  }),
  loadedCase('honours sampling parameters, or warns about those it ignores', async (loaded) => {
    if (loaded.engine.deviceClass === 'remote') return;
    const greedy = (await ask(loaded, chat(story))).text;
    const wishes: Partial<GenerationParams>[] = [{ topK: 1 }, { minP: 1 }];
    for (const wish of wishes) {
      const answer = await ask(loaded, chat(story, { ...wish, temperature: 1.5, seed: 11, topP: 1 }));
      const granted = answer.text === greedy;
      assert(granted || answer.warnings.length > 0, `${JSON.stringify(wish)} was passed over without a word`);
    }
    const effort = await ask(loaded, chat(story, { reasoningEffort: 'low' }));
    const thought = effort.output.reasoning !== '';
    equal(thought, loaded.features.includes('reasoning'), 'thoughts against the claim');
    assert(thought || effort.warnings.length > 0, 'the effort was passed over without a word');
    const penalised = await ask(loaded, chat(story, { repetitionPenalty: 2 }));
    assert(penalised.finishes.length === 1, 'no answer with a penalty');
  }),
  featureCase('json-schema', 'generates valid values for twenty schemas, greedy and sampled', async (loaded) => {
    for (const [index, schema] of boundedSchemas.entries()) {
      for (const drawn of [{ temperature: 0 }, { temperature: 1.2, seed: index }]) {
        const params = { ...drawn, maxTokens: 320, responseFormat: format(schema) };
        const answer = await ask(loaded, chat('Answer in JSON.', params));
        equal(answer.finishes[0]?.reason, 'stop', `end of "${answer.text}" (schema ${index})`);
        assert(fits(JSON.parse(answer.text), schema), `schema ${index} does not fit "${answer.text}"`);
        equal(answer.tokens, answer.finishes[0]?.usage.tokensOut, 'tokensOut against the parts');
      }
    }
  }),
  featureCase('json-schema', 'generates a JSON object, or finishes with length', async (loaded) => {
    const params = { maxTokens: 64, responseFormat: { type: 'json-object' } } as const;
    const whole = await ask(loaded, chat('Answer in JSON.', params));
    if (whole.finishes[0]?.reason === 'stop') equal(typeof JSON.parse(whole.text), 'object', 'type');
    assert(whole.text.startsWith('{'), `"${whole.text}" is no object`);
    const long = await ask(
      loaded,
      chat('Answer in JSON.', { maxTokens: 6, responseFormat: format({ type: 'string', minLength: 400 }) }),
    );
    equal(long.finishes[0]?.reason, 'length', 'reason of one that cannot end');
  }),
  featureCase('json-schema', 'refuses a schema it cannot enforce, and stays usable', async (loaded) => {
    for (const schema of [{ type: 'string', pattern: '^a' }, { type: 'array', uniqueItems: true }, false]) {
      const code = await codeOf(() => ask(loaded, chat('Hello', { responseFormat: format(schema) })));
      equal(code, 'bad-request', `code for ${JSON.stringify(schema)}`);
    }
    equal((await ask(loaded, chat('Hello'))).finishes.length, 1, 'answers after it');
  }),
  featureCase('tools', 'calls the required tool with valid arguments', async (loaded) => {
    for (const toolChoice of [named, { type: 'required' } as const]) {
      const answer = await ask(loaded, chat('How is the weather?', { maxTokens: 200, toolChoice }, tools));
      const [call, more] = answer.output.toolCalls;
      assert(call !== undefined && more === undefined, `${answer.output.toolCalls.length} calls, "${answer.text}"`);
      equal(answer.finishes[0]?.reason, 'tool-calls', 'reason');
      equal(answer.tokens, answer.finishes[0]?.usage.tokensOut, 'tokensOut against the parts');
      equal(answer.text, '', 'text beside the call');
      const given: unknown = JSON.parse(call.arguments);
      if (call.name === 'now') equal(given, {}, 'arguments of a function without');
      else assert(fits(given, argumentsSchema), `${call.arguments} does not fit`);
      if (toolChoice.type === 'named') equal(call.name, 'get_weather', 'name');
      const first = answer.parts.find((part) => part.type === 'tool-call-delta');
      assert(first?.type === 'tool-call-delta' && first.id === call.id && call.id !== '', 'the first piece has no id');
    }
    const cut = await ask(loaded, chat('How is the weather?', { maxTokens: 3, toolChoice: named }, tools));
    equal(cut.finishes[0]?.reason, 'length', 'reason of a call that was cut');
    equal(cut.tokens, 3, 'tokens of a call that was cut');
  }),
  featureCase('tools', 'answers with text if tools are disabled', async (loaded) => {
    const plain = await ask(loaded, chat(story, { toolChoice: { type: 'none' } }, tools));
    equal(plain.output.toolCalls, [], 'calls');
    assert(plain.text !== '', 'no text');
    const free = await ask(loaded, chat(story, { maxTokens: 60 }, tools));
    assert(free.text !== '' || free.output.toolCalls.length > 0, 'neither text nor a call');
    equal(free.tokens, free.finishes[0]?.usage.tokensOut, 'tokensOut against the parts');
    for (const toolChoice of [{ type: 'named', name: 'other' }, { type: 'required' }] as const) {
      const offered = toolChoice.type === 'named' ? tools : undefined;
      equal(await codeOf(() => ask(loaded, chat('Hello', { toolChoice }, offered))), 'bad-request', toolChoice.type);
    }
  }),
  featureCase('tools', 'reads earlier calls and their results', async (loaded) => {
    const request = chat('How is the weather?', {}, tools);
    const toolCalls = [{ id: 'call_1', name: 'get_weather', arguments: '{"city":"Bonn"}' }];
    const before = await ask(loaded, request);
    const after = await ask(loaded, {
      ...request,
      input: {
        tools,
        messages: [
          ...request.input.messages,
          { role: 'assistant', content: '', toolCalls },
          { role: 'tool', content: 'rain', toolCallId: 'call_1' },
        ],
      },
    });
    assert(after.text !== '' || after.output.toolCalls.length > 0, 'no answer to what a function gave');
    assert(after.finishes[0]!.usage.tokensIn > before.finishes[0]!.usage.tokensIn, 'the call was not read');
  }),
  featureCase('logprobs', 'reports log-probabilities', async (loaded) => {
    for (const drawn of [{ temperature: 0 }, { temperature: 1, seed: 5, topP: 0.9 }]) {
      const answer = await ask(loaded, chat(story, { ...drawn, logprobs: 3 }));
      const { logprobs } = answer.output;
      equal(logprobs.length, answer.tokens, 'log-probabilities against tokens');
      for (const { logprob, top } of logprobs) {
        assert(top.length === 3 && top.every((one, rank) => one.logprob <= (top[rank - 1]?.logprob ?? 0)), 'ranks');
        assert(logprob <= top[0]!.logprob + 1e-4, 'a token likelier than the likeliest');
        if (drawn.temperature === 0) assert(Math.abs(logprob - top[0]!.logprob) < 1e-3, 'greedy took another token');
      }
      const without = await ask(loaded, chat(story, drawn));
      equal(answer.text, without.text, 'text with and without log-probabilities');
    }
    equal((await ask(loaded, chat(story, { logprobs: 0 }))).output.logprobs[0]?.top, [], 'none but its own');
  }),
  featureCase('logit-bias', 'applies a logit bias', async (loaded, subject) => {
    const plain = await ask(loaded, chat(story));
    const ids = plain.ids ?? subject.storyIds;
    assert(ids !== undefined, 'no ids to bias');
    const without = await ask(loaded, chat(story, { logitBias: [[ids[0]!, -100]] }));
    assert(without.text.slice(0, 3) !== plain.text.slice(0, 3), `"${without.text}" begins with what it must not`);
    const only = await ask(loaded, chat(story, { logitBias: [[ids[1]!, 100]], maxTokens: 6 }));
    const again = only.text.slice(0, only.text.length / 6);
    equal(only.text, again.repeat(6), 'one token over and over');
  }),
  loadedCase('scores its own greedy answer as most likely', async (loaded, subject) => {
    if (!loaded.score) return;
    const answer = await ask(loaded, chat(story));
    const ids = answer.ids ?? subject.storyIds?.slice(0, answer.tokens);
    // An engine that takes no ids is given the request.
    const prompt = subject.storyPromptIds ?? chat(story);
    assert(ids !== undefined, 'no ids to score');
    const scores = await loaded.score({ prompt, answer: ids }, {});
    equal(scores.length, ids.length, 'scores against tokens');
    equal(await loaded.score({ prompt: chat(story), answer: ids, text: answer.text }, {}), scores, 'by request');
    equal(await codeOf(() => loaded.score!({ prompt, answer: ids, text: 'else' }, {})), 'bad-request', 'code');
    const near = scores.filter(({ logprob, best }) => best - logprob < 1e-3).length;
    assert(near >= scores.length - 1, `only ${near} of ${scores.length} tokens are the likeliest`);
    for (const [at, logprob] of (subject.storyLogprobs ?? []).entries()) {
      assert(Math.abs(scores[at]!.logprob - logprob) < 1e-3, `${scores[at]!.logprob} at ${at} is not ${logprob}`);
    }
    assert(
      scores.every(({ logprob, best }) => logprob <= 0 && best <= 0 && logprob <= best),
      'no logarithms',
    );
    const wrong = [...ids.slice(0, 3), ids[0]!, ...ids.slice(4)];
    const other = await loaded.score({ prompt, answer: wrong }, {});
    assert(other[3]!.logprob < other[3]!.best - 0.01, 'a wrong token is as likely as the right one');
    equal(other.slice(0, 3), scores.slice(0, 3), 'scores before the wrong token');
    const tooMany = Array.from({ length: loaded.contextTokens }, () => ids[0]!);
    equal(await codeOf(() => loaded.score!({ prompt, answer: tooMany }, {})), 'too-long', 'code past the context');
    const unknown = [...ids.slice(0, 2), 0xffff_ffff];
    equal(await codeOf(() => loaded.score!({ prompt, answer: unknown }, {})), 'bad-request', 'code of no token');
    equal(
      await codeOf(() => loaded.score!({ prompt, answer: [] }, { signal: AbortSignal.abort() })),
      'aborted',
      'code',
    );
    // Begun at once, so that neither is over before the other begins: whichever comes second is refused.
    const codes = await Promise.all([
      codeOf(() => ask(loaded, chat(story))),
      codeOf(() => loaded.score!({ prompt, answer: ids }, {})),
    ]);
    equal(codes.toSorted(), ['busy', 'nothing-thrown'], 'codes of an answer and a score at once');
    equal((await ask(loaded, chat(story))).text, answer.text, 'the answer after it was scored');
  }),
  loadedCase('scores where an answer ends, and what it would have drawn', async (loaded, subject) => {
    const prompt = subject.storyPromptIds ?? chat(story);
    const ids = subject.storyIds;
    if (!loaded.score || !ids) return;
    const cut = await loaded.score({ prompt, answer: ids, ending: 'stop' }, {});
    equal(cut.length, ids.length + 1, 'a score for each token and for the end');
    equal(await loaded.score({ prompt, answer: [], ending: 'length' }, {}), [], 'no score where there is no token');
    const { logprob, best } = cut.at(-1)!;
    assert(best - logprob > 3, `the end of the cut answer is likely (${logprob} against ${best})`);
    const drawn = await loaded.score({ prompt, answer: ids.slice(0, 8), distribution: { temperature: 1 } }, {});
    for (const { logprob: likely, sampled } of drawn) {
      if (!sampled) continue;
      assert(Math.abs(sampled.surprise + likely) < 1e-3, 'the surprise of a token is not its log-probability');
      assert(sampled.entropy >= 0 && sampled.variance >= 0, 'no distribution');
      assert(sampled.renyiHalf >= sampled.entropy - 1e-9, 'entropies out of order');
    }
  }),
];
