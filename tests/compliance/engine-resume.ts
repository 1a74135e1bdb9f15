import type { EngineRequest } from '#lib/engine/spec.ts';
import { emptyOutput, foldOutput } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import { boundedSchemas } from '../fixtures/json-schemas.ts';
import { ask, assert, chat, equal, loadedCase, story, type EngineCase } from './engine-kit.ts';
import { fits } from './fits-schema.ts';

export const resumeCases: readonly EngineCase[] = [
  loadedCase('resumes from delivered text', async (loaded, subject) => {
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
    assert(rest.text !== '' && !rest.text.startsWith(resume.text), 'the answer started over');
    equal(rest.finishes.length, 1, 'finishes');
  }),
  loadedCase('resumes from ids exactly, however their text would tokenise', async (loaded) => {
    if (!loaded.features.includes('resume-exact')) return;
    const hot = await ask(loaded, chat(story, { temperature: 1.5, seed: 3, maxTokens: 40 }));
    const promptTokens = hot.finishes[0]!.usage.tokensIn;
    for (let cut = 1; cut < hot.parts.length - 1; cut += 3) {
      // The continuation is greedy, so it must be the same however often it is resumed, whatever was sampled before.
      const greedy = chat(story, { maxTokens: 52 });
      const head = delivered(hot.parts.slice(0, cut));
      const rest = await ask(loaded, { ...greedy, resume: head });
      const { usage } = rest.finishes[0]!;
      equal(usage.tokensIn, promptTokens + head.tokens, `tokens read before the answer resumed after ${cut}`);
      if (rest.parts.length < 4) continue;
      const further = delivered([...hot.parts.slice(0, cut), ...rest.parts.slice(0, 3)]);
      const again = await ask(loaded, { ...greedy, resume: further });
      equal(again.ids, rest.ids?.slice(further.tokens - head.tokens), `ids that follow when cut again after ${cut}`);
    }
  }),
  loadedCase('resumes as if never interrupted, wherever it is cut', async (loaded, subject) => {
    const isExact = loaded.features.includes('resume-exact');
    if (subject.resume !== 'exact') return;
    const whole = await ask(loaded, chat(story));
    // These start like the end of a token, so that its text is partially held back.
    const stop = [`${whole.text.slice(-3)}#`, `${whole.text.slice(9, 11)}#`];
    const requests = [
      chat(story, { maxTokens: 40 }),
      chat(story, { stop, frequencyPenalty: 0.8, presencePenalty: 0.4 }),
      ...(isExact && loaded.features.includes('seed') ? [chat(story, { temperature: 1.5, seed: 5 })] : []),
      ...(isExact && loaded.features.includes('tools')
        ? [chat('Use get_time.', { maxTokens: 80, toolChoice: { type: 'required' } }, [tool])]
        : []),
    ];
    for (const request of requests) {
      const { parts, output } = await ask(loaded, request);
      for (let cut = 1; cut < parts.length; cut += isExact ? 1 : 5) {
        const head = parts.slice(0, cut);
        const resume = delivered(head);
        if (isExact ? resume.ids?.length !== resume.tokens : 'ids' in resume) continue;
        if (resume.tokens >= request.params.maxTokens) continue;
        const rest = await ask(loaded, { ...request, resume });
        const joined = [...head, ...rest.parts].reduce(foldOutput, emptyOutput);
        const where = `cut after ${cut} of ${parts.length} parts, ${JSON.stringify(request.params)}`;
        equal(joined, output, where);
      }
    }
  }),
  loadedCase('resumes under its grammar, or refuses', async (loaded) => {
    if (!loaded.features.includes('json-schema')) return;
    for (const schema of boundedSchemas.filter((_, index) => index % 5 === 0)) {
      const params = {
        maxTokens: 200,
        responseFormat: { type: 'json-schema', schema: JSON.stringify(schema) },
      } as const;
      const whole = await ask(loaded, chat('Answer in JSON.', params));
      for (const cut of [1, whole.text.length >> 1, whole.text.length - 1]) {
        const head = [...whole.text].slice(0, cut).join('');
        const resume = { text: head, tokens: 1 };
        const rest = await ask(loaded, { ...chat('Answer in JSON.', params), resume });
        assert(fits(JSON.parse(head + rest.text), schema), `"${head}" and "${rest.text}" do not fit together`);
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

const tool = {
  name: 'get_time',
  parameters:
    '{"type":"object","properties":{"zone":{"enum":["UTC","CET"]}},"required":["zone"],"additionalProperties":false}',
};

/** What a reader has after these parts, with ids if every token has one. */
function delivered(parts: readonly Part[]): NonNullable<EngineRequest['resume']> {
  const { text, tokens } = parts.reduce(foldOutput, emptyOutput);
  const ids = parts.flatMap((part) => ('ids' in part ? (part.ids ?? []) : []));
  return { text, tokens, ...(ids.length === tokens ? { ids } : {}) };
}
