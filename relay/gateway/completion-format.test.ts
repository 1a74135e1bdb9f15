import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Part } from '#lib/protocol/part.ts';
import { completionFormat } from './completion-format.ts';

/** A format whose text moves to another member after a warning, as a refusal does. */
const format = completionFormat({
  idPrefix: 'x-',
  object: 'whole',
  chunkObject: 'chunk',
  choice: () => ({}),
  chunks() {
    let member = 'content';
    return {
      first: undefined,
      part(part) {
        if (part.type === 'warning') member = 'refusal';
        return part.type === 'text-delta' ? { delta: { [member]: part.text }, logprobs: null } : undefined;
      },
      last: {},
    };
  },
});

test('text is written as JSON writes it, whatever came before', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\uE000', '"', '\\', '\uD800', '</script>'));
  const part = fc.oneof(
    text.map((said): Part => ({ type: 'text-delta', text: said, tokens: 1 })),
    fc.constant<Part>({ type: 'warning', code: 'refusal', message: 'No.' }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), fc.constantFrom('m', 'm\uE000', '"m"'), (parts, model) => {
      const metadata = { id: 'a', model, created: 1, maxTokens: undefined, warnings: [] };
      const writer = format.chunks(metadata, 'sent');
      let member = 'content';
      for (const one of parts) {
        if (one.type === 'warning') member = 'refusal';
        const said = writer.part(one);
        if (one.type !== 'text-delta' || one.text === '') continue;
        const choices = [{ index: 0, delta: { [member]: one.text }, logprobs: null, finish_reason: null }];
        const body = { id: 'x-a', object: 'chunk', created: 1, model, choices, usage: null };
        expect(said).toBe(`data: ${JSON.stringify(body)}\n\n`);
      }
    }),
  );
});
