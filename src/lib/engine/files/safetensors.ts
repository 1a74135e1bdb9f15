import { z } from 'zod';
import { utf8Decode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';

/** What a safetensors file says of itself. */
export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: number;
}

/** As the format's own readers have it. */
const headerBytesMax = 100_000_000;
const tensorsMax = 100_000;

const tensorSchema = z.object({
  dtype: z.string().regex(/^[A-Z][A-Z0-9_]{1,15}$/),
  shape: z.array(z.number().int().nonnegative()).max(8),
  data_offsets: z.tuple([z.number().int().nonnegative(), z.number().int().nonnegative()]),
});

/**
 * Reads a header (huggingface/safetensors): its tensors must cover the data without gap or overlap, so that nothing is hidden
 * between them.
 * @param bytes the beginning of the file, the header at least.
 * @throws `model-malformed`.
 */
export function readSafetensors(bytes: Uint8Array, sizeBytes: number): SafetensorsHeader {
  if (bytes.length < 8) throw malformed('It is too short.');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(headerBytesMax) || length > BigInt(bytes.length - 8)) throw malformed('Its header is too long.');
  const { __metadata__: given = {}, ...rest } = parse(bytes.subarray(8, 8 + Number(length)));
  const metadata = z.record(z.string(), z.string()).safeParse(given);
  if (!metadata.success) throw malformed('Its metadata are no texts.');
  const tensors = Object.values(rest);
  if (tensors.length > tensorsMax) throw malformed(`It has more than ${tensorsMax} tensors.`);
  const parts = tensors.map((tensor) => {
    const parsed = tensorSchema.safeParse(tensor);
    if (!parsed.success) throw malformed('A tensor is not described as the format has it.');
    return parsed.data.data_offsets;
  });
  let end = 0;
  for (const [from, to] of parts.toSorted((a, b) => a[0] - b[0] || a[1] - b[1])) {
    if (from !== end || to < from) throw malformed('Its tensors leave gaps, or overlap.');
    end = to;
  }
  if (8 + Number(length) + end !== sizeBytes) throw malformed('Its tensors do not end where the file does.');
  return { metadata: new Map(Object.entries(metadata.data)), tensors: tensors.length };
}

function parse(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(utf8Decode(bytes));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Said below.
  }
  throw malformed('Its header is no JSON object.');
}

const malformed = (why: string): TabloomError =>
  new TabloomError('model-malformed', `This safetensors file is not well formed. ${why}`);
