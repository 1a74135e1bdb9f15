import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';

/** What a compiled model library says of itself: enough to make weights for it. */
export type CompiledLibrary = z.output<typeof librarySchema>;
export type Parameter = CompiledLibrary['params'][number];

const librarySchema = z.looseObject({
  model_type: z.string(),
  quantization: z.string(),
  context_window_size: z.number().int().positive(),
  prefill_chunk_size: z.number().int().positive(),
  params: z
    .array(
      z.looseObject({
        name: z.string(),
        shape: z.array(z.number().int().positive()).min(1),
        dtype: z.enum(['uint32', 'float32', 'float16']),
      }),
    )
    .min(1),
});

const beginning = new TextEncoder().encode('{"model_type"');
/** A library states a few hundred parameters in some tens of kilobytes. */
const statementBytesMax = 4 * 1024 * 1024;

/**
 * The statement that WebLLM asks of the function `_metadata`, read from the file without running it: it stands there as
 * one JSON text. @throws `library-unreadable`.
 */
export function readLibrary(wasm: Uint8Array): CompiledLibrary {
  const text = statementOf(Buffer.from(wasm.buffer, wasm.byteOffset, wasm.byteLength));
  const parsed = librarySchema.safeParse(text === undefined ? undefined : tryJson(text));
  if (parsed.success) return parsed.data;
  throw new TabloomError(
    'library-unreadable',
    'The library says nothing of its parameters that random weights could be made from. Give a folder with --weights.',
  );
}

function statementOf(bytes: Buffer): string | undefined {
  const from = bytes.indexOf(beginning);
  if (from < 0) return undefined;
  let depth = 0;
  let quoted = false;
  for (let at = from; at < Math.min(bytes.length, from + statementBytesMax); at++) {
    const character = String.fromCharCode(bytes[at]!);
    if (character === '"' && bytes[at - 1] !== 0x5c) quoted = !quoted;
    if (quoted) continue;
    if (character === '{') depth += 1;
    if (character === '}' && --depth === 0) return bytes.toString('utf8', from, at + 1);
  }
  return undefined;
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
