import type { EngineRequest, LoadedModel } from '#lib/engine/spec.ts';
import { ask, assert, chat, codeOf, equal, loadedCase, type EngineCase } from './engine-kit.ts';

const embed = (texts: readonly string[], params: { dimensions?: number } = {}): EngineRequest => ({
  kind: 'embedding',
  input: { texts: [...texts] },
  params,
});

const embeddingCase = (name: string, run: (loaded: LoadedModel) => Promise<void>): EngineCase =>
  loadedCase(name, async (loaded) => {
    if (loaded.kinds.includes('embedding')) return run(loaded);
    const code = await codeOf(() => ask(loaded, embed(['Hello'])));
    assert(code !== 'nothing-thrown', 'it answers work of a kind that it does not name');
  });

export const embeddingCases: readonly EngineCase[] = [
  embeddingCase('embeds each text as a vector of unit length', async (loaded) => {
    const texts = ['Hello', 'The loom keeps its place.', 'Hello'];
    const answer = await ask(loaded, embed(texts));
    const vectors = answer.parts.flatMap((part) => (part.type === 'embedding' ? [floats(part.vector)] : []));
    equal(
      answer.parts.map((part) => part.type === 'embedding' && part.index),
      [0, 1, 2],
      'indices',
    );
    for (const vector of vectors) {
      assert(vector.length === vectors[0]!.length && vector.every(Number.isFinite), 'no vectors of one length');
      assert(Math.abs(Math.hypot(...vector) - 1) < 1e-5, `length ${Math.hypot(...vector)}`);
    }
    assert(closeness(vectors[0]!, vectors[2]!) > 0.9999, 'one text has two vectors');
    assert(closeness(vectors[0]!, vectors[1]!) < 0.9999, 'two texts have one vector');
    equal(answer.finishes.length, 1, 'finishes');
    const { usage, reason } = answer.finishes[0]!;
    assert(usage.tokensIn >= texts.length && usage.tokensOut === 0 && reason === 'stop', 'usage');
    equal((await ask(loaded, chat('Hello'))).finishes.length, 1, 'answers after embedding');
  }),
  embeddingCase('cuts vectors to the dimensions asked for, or refuses them', async (loaded) => {
    let found = 0;
    const code = await codeOf(async () => {
      const answer = await ask(loaded, embed(['Hello'], { dimensions: 8 }));
      for (const part of answer.parts) if (part.type === 'embedding') found = floats(part.vector).length;
    });
    assert(code === 'bad-request' || found === 8, `${code}, ${found} dimensions`);
    equal(await codeOf(() => ask(loaded, embed(['Hello'], { dimensions: 8_192 }))), 'bad-request', 'code');
  }),
  embeddingCase('refuses a text past the context', async (loaded) => {
    const long = 'one two three four five six seven eight nine ten '.repeat(loaded.contextTokens / 4);
    equal(await codeOf(() => ask(loaded, embed(['Hello', long]))), 'too-long', 'code');
    equal((await ask(loaded, embed(['Hello']))).finishes.length, 1, 'answers after it');
  }),
];

function floats(bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(at * 4, true));
}

const closeness = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, at) => sum + value * b[at]!, 0);
