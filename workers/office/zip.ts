/** What an archive may cost to be read; its own statements about sizes are not believed. */
export interface ZipLimits {
  readonly entriesMax: number;
  /** Bytes that all files which are read may unpack to. */
  readonly unpackedBytesMax: number;
  /** How many times larger a file may become; what stays below a mebibyte may grow as it likes. */
  readonly ratioMax: number;
}

export type ZipFault = 'broken' | 'locked' | 'too-large';

export class ZipError extends Error {
  readonly fault: ZipFault;
  constructor(fault: ZipFault) {
    super(fault);
    this.fault = fault;
  }
}

export interface Zip {
  readonly names: ReadonlySet<string>;
  /** The file as text; undefined where there is none of this name. @throws {@link ZipError}. */
  text(name: string): Promise<string | undefined>;
}

interface ZipEntry {
  readonly method: number;
  readonly locked: boolean;
  readonly packedBytes: number;
  readonly at: number;
}

const endSignature = 0x06054b50;
const directorySignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const commentBytesMax = 0xffff;
const harmlessBytes = 1024 * 1024;

/**
 * Opens an archive by its central directory (APPNOTE.TXT 6.3.10, without ZIP64 and split archives). Only files that are asked for are
 * unpacked, by the platform's own `DecompressionStream`, piece by piece under the limits. @throws {@link ZipError}.
 */
export function openZip(bytes: Uint8Array<ArrayBuffer>, limits: ZipLimits): Zip {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = readDirectory(view, limits);
  let left = limits.unpackedBytesMax;

  const unpack = async ({ method, locked, packedBytes, at }: ZipEntry): Promise<Uint8Array<ArrayBuffer>> => {
    if (locked) throw new ZipError('locked');
    if (at + 30 > bytes.length || view.getUint32(at, true) !== localSignature) throw new ZipError('broken');
    const from = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
    if (from + packedBytes > bytes.length) throw new ZipError('broken');
    const packed = bytes.subarray(from, from + packedBytes);
    const most = Math.min(left, Math.max(harmlessBytes, packedBytes * limits.ratioMax));
    const unpacked = method === 0 ? packed : method === 8 ? await inflate(packed, most) : undefined;
    if (!unpacked) throw new ZipError('broken');
    if (unpacked.length > most) throw new ZipError('too-large');
    left -= unpacked.length;
    return unpacked;
  };

  return {
    names: new Set(entries.keys()),
    async text(name) {
      const entry = entries.get(name);
      return entry && decode(await unpack(entry));
    },
  };
}

function readDirectory(view: DataView, { entriesMax }: ZipLimits): ReadonlyMap<string, ZipEntry> {
  const end = findEnd(view);
  const count = view.getUint16(end + 10, true);
  if (count > entriesMax) throw new ZipError('too-large');
  const entries = new Map<string, ZipEntry>();
  let at = view.getUint32(end + 16, true);
  for (let index = 0; index < count; index++) {
    if (at + 46 > view.byteLength || view.getUint32(at, true) !== directorySignature) throw new ZipError('broken');
    const nameBytes = view.getUint16(at + 28, true);
    const next = at + 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > view.byteLength) throw new ZipError('broken');
    const name = new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 46, nameBytes));
    entries.set(name, {
      locked: (view.getUint16(at + 8, true) & 1) === 1,
      method: view.getUint16(at + 10, true),
      packedBytes: view.getUint32(at + 20, true),
      at: view.getUint32(at + 42, true),
    });
    at = next;
  }
  return entries;
}

/** It is the last thing in the file, but for a comment. */
function findEnd(view: DataView): number {
  const first = Math.max(0, view.byteLength - endBytes - commentBytesMax);
  for (let at = view.byteLength - endBytes; at >= first; at--) {
    if (view.getUint32(at, true) === endSignature) return at;
  }
  throw new ZipError('broken');
}

/** @throws {@link ZipError} as soon as more than `bytesMax` have come out. */
async function inflate(packed: Uint8Array<ArrayBuffer>, bytesMax: number): Promise<Uint8Array<ArrayBuffer>> {
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new ZipError('broken');
    });
    if (done) break;
    length += value.length;
    if (length > bytesMax) {
      await reader.cancel().catch(() => undefined);
      throw new ZipError('too-large');
    }
    pieces.push(value);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** XML is UTF-8 unless it begins with the mark of UTF-16. */
function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const marked =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(marked).decode(bytes);
}
