import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { limits } from '#lib/protocol/limits.ts';
import { partSchema, type Part } from '#lib/protocol/part.ts';
import { chat } from '#lib/protocol/kinds/chat.ts';
import { createOutputRoot } from '#lib/trust/output-root.ts';
import { createFrameLog, type AnswerFrame } from './frame-log.ts';

const text = (content: string, ids?: number[]): Part => ({
  type: 'text-delta',
  text: content,
  tokens: 1,
  ...(ids ? { ids } : {}),
});
/** A log of parts alone. */
const createLog = () => {
  const log = createFrameLog();
  const partOf = (frame: AnswerFrame | undefined) => (frame?.t === 'part' ? frame.part : undefined);
  return {
    append: (part: Part) => log.append({ t: 'part', part }),
    compact: log.compact,
    unreadBytes: log.unreadBytes,
    read: () => {
      const reader = log.read();
      return { next: () => partOf(reader.next()), close: reader.close };
    },
  };
};
const warning: Part = { type: 'warning', code: 'seed', message: 'no seed here' };

test('who keeps up reads part by part, who does not reads what has gathered', () => {
  const log = createLog();
  const [quick, slow] = [log.read(), log.read()];
  const seen = ['a', 'b', 'c'].map((word) => {
    log.append(text(word));
    return quick.next();
  });
  expect(seen).toEqual([text('a'), text('b'), text('c')]);
  expect(quick.next()).toBeUndefined();
  expect(slow.next()).toEqual({ type: 'text-delta', text: 'abc', tokens: 3 });
});

test('warnings, and parts with ids and without, are not joined', () => {
  const log = createLog();
  for (const part of [text('a', [1]), text('b', [2]), text('c'), warning, text('d')]) log.append(part);
  const reader = log.read();
  expect([reader.next(), reader.next(), reader.next(), reader.next(), reader.next()]).toEqual([
    { type: 'text-delta', text: 'ab', tokens: 2, ids: [1, 2] },
    text('c'),
    warning,
    text('d'),
    undefined,
  ]);
});

test('what is unread is what the reader furthest on has not sent', () => {
  const log = createLog();
  expect(log.unreadBytes()).toBe(0);
  const [one, two] = [log.read(), log.read()];
  log.append(text('x'.repeat(1_000)));
  expect(log.unreadBytes()).toBeGreaterThan(1_000);
  one.next();
  // Taken is not yet sent.
  expect(log.unreadBytes()).toBeGreaterThan(1_000);
  one.next();
  expect(log.unreadBytes()).toBe(0);
  one.close();
  expect(log.unreadBytes()).toBeGreaterThan(1_000);
  two.close();
  expect(log.unreadBytes()).toBe(0);
});

test('however parts are joined, each fits the wire and together they are the same output', () => {
  const parts = fc.array(
    fc.record({
      size: fc.integer({ min: 0, max: 30_000 }),
      letter: fc.constantFrom('a', 'é', '語'),
      ids: fc.boolean(),
      take: fc.boolean(),
    }),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(parts, (recipe) => {
      const log = createLog();
      const reader = log.read();
      const [sent, read] = [createOutputRoot(chat.outputHash), createOutputRoot(chat.outputHash)];
      const taken: Part[] = [];
      for (const { size, letter, ids, take } of recipe) {
        const part = text(letter.repeat(Math.floor(size / 3)), ids ? [size] : undefined);
        log.append(part);
        sent.add(part);
        const next = take ? reader.next() : undefined;
        if (next) taken.push(next);
      }
      for (let next = reader.next(); next; next = reader.next()) taken.push(next);
      for (const part of taken) {
        expect(partSchema.safeParse(part).success).toBe(true);
        read.add(part);
      }
      expect(read.summary()).toEqual(sent.summary());
      reader.close();
      log.compact();
      const again = createOutputRoot(chat.outputHash);
      const replay = log.read();
      for (let next = replay.next(); next; next = replay.next()) again.add(next);
      expect(again.summary()).toEqual(sent.summary());
    }),
    { numRuns: 60, seed: 1 },
  );
});

test('a part never holds more tokens than the wire allows', () => {
  const log = createLog();
  for (let i = 0; i < limits.tokensPerPartMax + 10; i++) log.append(text('', [i]));
  const reader = log.read();
  expect(reader.next()).toMatchObject({ tokens: limits.tokensPerPartMax });
  expect(reader.next()).toMatchObject({ tokens: 10 });
});

test('a checkpoint keeps its place: nothing is joined across it, for a reader that comes late neither', () => {
  const log = createFrameLog();
  const checkpoint = { t: 'checkpoint', envelope: {} } as AnswerFrame;
  for (const word of ['a', 'b']) log.append({ t: 'part', part: text(word) });
  log.append(checkpoint);
  log.append({ t: 'part', part: text('c') });
  log.compact();
  const reader = log.read();
  expect([reader.next(), reader.next(), reader.next()]).toEqual([
    { t: 'part', part: { type: 'text-delta', text: 'ab', tokens: 2 } },
    checkpoint,
    { t: 'part', part: text('c') },
  ]);
});
