import { TabloomError } from '#lib/base/errors.ts';
import { readGguf } from './gguf.ts';
import { readSafetensors } from './safetensors.ts';

/** A file of weights, as its header describes it. */
export interface ModelFile {
  readonly format: 'gguf' | 'safetensors';
  readonly tensors: number;
  /** As the file states it; undefined where it states none. */
  readonly licence: string | undefined;
  readonly template: string | undefined;
  /** Of the longest input that it was made for. */
  readonly contextTokens: number | undefined;
  /** Every text in it but its template: names, notes, a vocabulary. */
  readonly texts: readonly string[];
}

/**
 * Reads a file's header; nothing in it is run. Only formats that hold nothing but numbers and texts are read at all.
 * @param bytes the beginning of the file.
 * @throws `format-refused` for pickles, archives and whatever else can hold code or is not known, `model-malformed`.
 */
export function readModelFile(bytes: Uint8Array, sizeBytes: number): ModelFile {
  const begins = (...start: readonly number[]) => start.every((byte, at) => bytes[at] === byte);
  if (begins(0x47, 0x47, 0x55, 0x46)) {
    const { metadata, texts, tensors } = readGguf(bytes, sizeBytes);
    const textOf = (key: string) => {
      const value = metadata.get(key);
      return typeof value === 'string' && value !== '' ? value : undefined;
    };
    const template = textOf('tokenizer.chat_template');
    const others = [...metadata].flatMap(([key, value]) =>
      typeof value === 'string' && key !== 'tokenizer.chat_template' ? [value] : [],
    );
    const context = [...metadata].find(([key]) => key.endsWith('.context_length'))?.[1];
    const contextTokens = typeof context === 'number' && context > 0 ? context : undefined;
    return {
      format: 'gguf',
      contextTokens,
      tensors,
      licence: textOf('general.license'),
      template,
      texts: [...others, ...texts],
    };
  }
  if (begins(0x80) && (bytes[1] ?? 0) <= 5 && bytes[8] !== 0x7b)
    throw refused('It is a Python pickle, which runs code when it is read.');
  if (begins(0x50, 0x4b)) throw refused('It is an archive, as PyTorch writes pickles.');
  if (bytes[8] === 0x7b) {
    const { metadata, tensors } = readSafetensors(bytes, sizeBytes);
    return {
      format: 'safetensors',
      contextTokens: undefined,
      tensors,
      licence: metadata.get('license'),
      template: metadata.get('chat_template'),
      texts: [...metadata].filter(([key]) => key !== 'chat_template').map(([, value]) => value),
    };
  }
  throw refused('It is in no format that is known here.');
}

const refused = (why: string): TabloomError =>
  new TabloomError(
    'format-refused',
    `Only GGUF and safetensors are read. ${why} Convert it, and check what comes out.`,
  );
