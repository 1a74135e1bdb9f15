import type { Clock } from '#lib/base/clock.ts';
import type { EngineEvent } from './spec.ts';

/** Emits an answer of vectors, one `embedding` part each, then `finish`. */
export async function* embeddingEvents(
  vectors: AsyncIterable<readonly number[]>,
  { tokensIn, clock, startedMs }: { readonly tokensIn: number; readonly clock: Clock; readonly startedMs: number },
): AsyncGenerator<EngineEvent> {
  let index = 0;
  let firstMs: number | undefined;
  for await (const vector of vectors) {
    firstMs ??= clock.elapsed();
    yield { type: 'embedding', index, vector: unitVector(vector) };
    index += 1;
  }
  const endMs = clock.elapsed();
  yield {
    type: 'finish',
    reason: 'stop',
    usage: { tokensIn, tokensOut: 0 },
    timings: { ttftMs: (firstMs ?? endMs) - startedMs, decodeMs: endMs - (firstMs ?? endMs) },
  };
}

/** The vector normalised to unit length, as little-endian 32-bit floats. The zero vector stays zero. */
export function unitVector(vector: readonly number[]): Uint8Array {
  const length = Math.hypot(...vector) || 1;
  const view = new DataView(new ArrayBuffer(vector.length * 4));
  for (const [at, value] of vector.entries()) view.setFloat32(at * 4, value / length, true);
  return new Uint8Array(view.buffer);
}
