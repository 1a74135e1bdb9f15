import type { EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { boundedSchemas } from '../fixtures/json-schemas.ts';
import { ask, assert, chat, equal, loadedCase, story, type Answer, type EngineCase } from './engine-kit.ts';
import { fits } from './fits-schema.ts';

export const resumeCases: readonly EngineCase[] = [
  loadedCase('goes on from delivered text', async (loaded, subject) => {
    const whole = await ask(loaded, chat(story));
    const pieces: { text: string; tokens: number }[] = [];
    for await (const event of loaded.doStream(chat(story), {})) {
      if (event.type !== 'text-delta') continue;
      pieces.push({ text: event.text, tokens: event.tokens });
      if (pieces.length === 6) break;
    }
    const resume = {
      text: pieces.map((piece) => piece.text).join(''),
      tokens: pieces.reduce((sum, piece) => sum + piece.tokens, 0),
    };
    const rest = await ask(loaded, { ...chat(story), resume });
    if (subject.resume === 'exact') {
      equal(resume.text + rest.text, whole.text, 'joined text');
      equal(resume.tokens + rest.tokens, whole.tokens, 'joined tokens');
    }
    assert(rest.text !== '' && !rest.text.startsWith(resume.text), 'the answer began anew');
    equal(rest.finishes.length, 1, 'finishes');
  }),
  loadedCase('goes on from ids as they are, whatever their text would become', async (loaded, subject) => {
    if (!loaded.features.includes('resume-exact')) return;
    const hot = await ask(loaded, chat(story, { temperature: 1.5, seed: 3, maxTokens: 40 }));
    const ids = hot.ids ?? subject.storyIds;
    assert(ids !== undefined && ids.length > 8, 'no ids to go on from');
    const promptTokens = hot.finishes[0]!.usage.tokensIn;
    for (let cut = 1; cut < ids.length - 1; cut += 3) {
      // What follows is greedy: it is the same however often the way there is cut, whatever the seed gave before.
      const rest = await resumed(loaded, ids.slice(0, cut), '', 12);
      const usage = rest.finishes[0]!.usage;
      equal(usage.tokensIn, promptTokens + cut, `tokens read before the answer went on after ${cut}`);
      if (!rest.ids || rest.ids.length < 4) continue;
      const again = await resumed(loaded, [...ids.slice(0, cut), ...rest.ids.slice(0, 3)], '', 12);
      equal(again.ids, rest.ids.slice(3), `ids that follow when cut again after ${cut}`);
    }
  }),
  loadedCase('goes on from ids of its own greedy answer to its end', async (loaded, subject) => {
    if (!loaded.features.includes('resume-exact')) return;
    const whole = await ask(loaded, chat(story, { maxTokens: 40 }));
    const ids = whole.ids ?? subject.storyIds;
    assert(ids !== undefined && ids.length > 8, 'no ids to go on from');
    for (const cut of [1, 4, 7]) {
      const rest = await resumed(loaded, ids.slice(0, cut), '', 40);
      assert(rest.text !== '' && whole.text.endsWith(rest.text), `after ${cut}: "${rest.text}" ends "${whole.text}"`);
      equal(cut + rest.tokens, whole.tokens, `tokens together, cut after ${cut}`);
    }
  }),
  loadedCase('goes on under its grammar, or says that it cannot', async (loaded) => {
    if (!loaded.features.includes('json-schema')) return;
    for (const schema of boundedSchemas.filter((_, index) => index % 5 === 0)) {
      const params = {
        maxTokens: 200,
        responseFormat: { type: 'json-schema', schema: JSON.stringify(schema) },
      } as const;
      const whole = await ask(loaded, chat('Answer in JSON.', params));
      for (const cut of [1, whole.text.length >> 1, whole.text.length - 1]) {
        const said = [...whole.text].slice(0, cut).join('');
        const resume = { text: said, tokens: 1 };
        const rest = await ask(loaded, { ...chat('Answer in JSON.', params), resume });
        assert(fits(JSON.parse(said + rest.text), schema), `"${said}" and "${rest.text}" do not fit together`);
      }
      const pieces = whole.parts.flatMap((part) => (part.type === 'text-delta' && part.ids ? [part] : []));
      if (!loaded.features.includes('resume-exact') || pieces.length === 0) continue;
      const head = pieces.slice(0, pieces.length >> 1);
      const ids = head.flatMap((part) => part.ids ?? []);
      const text = head.map((part) => part.text).join('');
      const rest = await ask(loaded, { ...chat('Answer in JSON.', params), resume: { text, ids, tokens: ids.length } });
      equal(text + rest.text, whole.text, 'joined text under a grammar');
    }
    const strange = { ...chat('Answer in JSON.', { responseFormat: { type: 'json-object' } }) };
    const code = await ask(loaded, { ...strange, resume: { text: 'Once upon', tokens: 2 } }).then(
      () => 'answered',
      (error: { readonly code?: string }) => error.code,
    );
    equal(code, 'resume-unsupported', 'code for text that the grammar does not begin with');
  }),
];

/** The story's answer gone on with from ids; the text they had is the engine's to know. */
const resumed = (loaded: LoadedModel, ids: readonly number[], text: string, maxTokens: number): Promise<Answer> =>
  ask(loaded, {
    ...chat(story, { maxTokens }),
    resume: { text, ids: [...ids], tokens: ids.length },
  } as EngineRequest);
