import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { jobHeadSchema, plainHead } from '../job.ts';
import { limits } from '../limits.ts';
import { chat } from './chat.ts';
import { generationParamsSchema } from './generation.ts';
import { plainChatInput, plainGenerationParams } from './plain.ts';

/** Values that one member or another allows, and many that none does. */
const value = fc.oneof(
  fc.constantFrom(undefined, null, true, '', 'user', 'tool', 'stop', 0, -0, 1, -1, 2, 2.5, 1e-9, 0.5, NaN, Infinity),
  fc.constantFrom(limits.maxTokensMax, limits.maxTokensMax + 1, 0xffff_ffff, 2 ** 32, 2 ** 53, limits.topKMax + 1),
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.constant([]),
  fc.constant({}),
  fc.constant(new Uint8Array(3)),
);
const membersOf = (names: readonly string[]) =>
  fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 5 }).map((pairs) => Object.fromEntries(pairs));

/** Whatever is read by hand, the schema reads alike. */
function expectAlike(plain: unknown, parsed: { readonly success: boolean; readonly data?: unknown }) {
  if (plain === undefined) return;
  expect(parsed.success).toBe(true);
  expect(plain).toEqual(parsed.data);
}

describe('what is read by hand is read as its schema reads it', () => {
  test('a conversation', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constant('é'.repeat(limits.messageTextBytesMax / 2)),
      value,
    );
    const message = fc.oneof(
      fc.record({ role: fc.constantFrom('user', 'assistant', 'system', 'tool', 'developer'), content: text }),
      membersOf(['role', 'content', 'name', 'toolCalls', 'x']),
      value,
    );
    const input = fc.oneof(
      fc.record({ messages: fc.array(message, { maxLength: 4 }) }),
      membersOf(['messages', 'tools', 'x']),
      value,
    );
    fc.assert(fc.property(input, (raw) => expectAlike(plainChatInput(raw), chat.input.safeParse(raw))));
  });

  test('as many messages as there may be, and one more', () => {
    const many = (count: number) => ({
      messages: Array.from({ length: count }, () => ({ role: 'user', content: '' })),
    });
    expect(plainChatInput(many(limits.messagesMax))).toEqual(many(limits.messagesMax));
    expect(plainChatInput(many(limits.messagesMax + 1))).toBeUndefined();
    expect(plainChatInput({ messages: [] })).toBeUndefined();
  });

  test('parameters', () => {
    const names = [...Object.keys(generationParamsSchema.shape), 'maxTokens', 'x', '__proto__', 'toString'];
    const given = fc.tuple(membersOf(names), fc.boolean()).map(([members, isLimited]) => ({
      ...(isLimited ? { maxTokens: 16 } : {}),
      ...members,
    }));
    const check = (raw: unknown) => expectAlike(plainGenerationParams(raw), generationParamsSchema.safeParse(raw));
    fc.assert(fc.property(fc.oneof(given, value), check), { numRuns: 1_000 });
    expect(plainGenerationParams({ maxTokens: 16, temperature: 0, seed: undefined })).toEqual({
      maxTokens: 16,
      temperature: 0,
    });
  });

  test('the head of a job', () => {
    const whole = {
      id: '0'.repeat(32),
      artefact: 'a'.repeat(64),
      model: 'burst',
      tier: 'open',
      deadlineMs: 1_000,
      salt: 'f'.repeat(32),
      kind: 'chat',
    };
    const change = membersOf([...Object.keys(whole), 'resume', 'must', 'budget', 'payment', 'x']);
    const named = fc.record({
      model: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(' a', 'a b', 'é', 'e\u0301')),
    });
    fc.assert(
      fc.property(fc.oneof(change, named), (changed) => {
        const raw = { ...whole, ...changed };
        expectAlike(plainHead(raw), jobHeadSchema.safeParse(raw));
      }),
      { numRuns: 1_000 },
    );
    const { kind: _, ...head } = whole;
    expect(plainHead(whole)).toEqual(head);
  });

  test('it is a copy, which nobody else changes', () => {
    const raw = { messages: [{ role: 'user' as const, content: 'hello' }] };
    const read = plainChatInput(raw)!;
    expect(read.messages).not.toBe(raw.messages);
    expect(read.messages[0]).not.toBe(raw.messages[0]);
  });
});
