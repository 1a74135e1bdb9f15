import { createHash, createPublicKey, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * Decoding and hashing for a second implementation, written from `src/lib/protocol/README.md` alone, with Node's
 * cryptography and none of our code.
 */
export type Value = number | string | boolean | null | Buffer | Value[] | { [key: string]: Value };

export const vectors = (name: string) => JSON.parse(readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8'));
export const hex = (text: string) => Buffer.from(text, 'hex');
export const sha256 = (...chunks: (Buffer | string)[]) =>
  createHash('sha256')
    .update(Buffer.concat(chunks.map((c) => Buffer.from(c))))
    .digest();

/** `{ "$bytes": hex }` in the files. */
export function fromJson(value: unknown): Value {
  if (Array.isArray(value)) return value.map(fromJson);
  if (value === null || typeof value !== 'object') return value as Value;
  if ('$bytes' in value) return hex(String(value.$bytes));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fromJson(member)]));
}

function head(major: number, n: number): Buffer {
  const big = Buffer.alloc(9);
  big.writeBigUInt64BE(BigInt(n), 1);
  if (n < 24) return Buffer.of((major << 5) | n);
  const [size, info] = n < 256 ? [1, 24] : n < 65_536 ? [2, 25] : n < 2 ** 32 ? [4, 26] : [8, 27];
  return Buffer.concat([Buffer.of((major << 5) | info), big.subarray(9 - size)]);
}

export function write(value: Value): Buffer {
  if (value === null) return hex('f6');
  if (typeof value === 'boolean') return hex(value ? 'f5' : 'f4');
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value >= 0 ? head(0, value) : head(1, -1 - value);
    const float = Buffer.alloc(9, 0xfb);
    float.writeDoubleBE(value, 1);
    return float;
  }
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(write)]);
  const members = Object.entries(value)
    .map(([key, member]) => [Buffer.from(key), write(member)] as const)
    .sort(([a], [b]) => a.length - b.length || Buffer.compare(a, b));
  return Buffer.concat([
    head(5, members.length),
    ...members.flatMap(([key, member]) => [head(3, key.length), key, member]),
  ]);
}

export function read(bytes: Buffer): Value {
  let at = 0;
  const next = (n: number) => {
    if (at + n > bytes.length) throw new Error('cut short');
    at += n;
    return bytes.subarray(at - n, at);
  };
  const count = (info: number) => {
    if (info < 24) return info;
    if (info > 27) throw new Error('no length');
    return Number(`0x${next(1 << (info - 24)).toString('hex')}`);
  };
  const item = (depth: number): Value => {
    if (depth > 17) throw new Error('too deep');
    const first = next(1)[0]!;
    const [major, info] = [first >> 5, first & 31];
    if (major === 7) {
      if (info === 20 || info === 21) return info === 21;
      if (info === 22) return null;
      const float = info === 27 ? next(8).readDoubleBE() : Number.NaN;
      if (Number.isFinite(float)) return float;
      throw new Error('simple');
    }
    const n = count(info);
    if (major === 0) return n;
    if (major === 1) return -1 - n;
    if (major === 2) return next(n);
    if (major === 3) return next(n).toString('utf8');
    if (major > 5 || n > bytes.length) throw new Error('tag or length');
    if (major === 4) return Array.from({ length: n }, () => item(depth + 1));
    return Object.fromEntries(Array.from({ length: n }, () => [String(item(depth + 1)), item(depth + 1)] as const));
  };
  const value = item(1);
  if (at !== bytes.length) throw new Error('left over');
  // Each value has one encoding, so refuse anything that would not be encoded this way.
  if (!write(value).equals(bytes)) throw new Error('not canonical');
  return value;
}

export function cut(bytes: Buffer): object[] {
  const items: object[] = [];
  for (let at = 0; at < bytes.length;) {
    let n = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      n += (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (n === 0) items.push({ end: true });
    else if (n >= 2 ** 27) items.push({ credit: n - 2 ** 27 });
    else {
      items.push({ message: bytes.subarray(at, at + n).toString('hex') });
      at += n;
    }
  }
  return items;
}

function base58(bytes: Buffer): string {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  let rest = BigInt(`0x${bytes.toString('hex')}`);
  let text = '';
  for (; rest > 0n; rest /= 58n) text = alphabet[Number(rest % 58n)] + text;
  for (const byte of bytes) {
    if (byte !== 0) break;
    text = `1${text}`;
  }
  return text;
}

export const peerId = (key: Buffer) => base58(Buffer.concat([hex('002408011220'), key]));

/** Node imports Ed25519 keys as SPKI: a fixed prefix before the 32 bytes. */
export const verifies = (key: Buffer, message: Buffer, sig: Buffer) =>
  verify(
    null,
    message,
    createPublicKey({ key: Buffer.concat([hex('302a300506032b6570032100'), key]), format: 'der', type: 'spki' }),
    sig,
  );

/** The page's requirements for a signature's bytes; Node checks the equation without the cofactor. */
export function strict(key: Buffer, sig: Buffer): boolean {
  const number = (bytes: Buffer) => BigInt(`0x${Buffer.from(bytes.toReversed()).toString('hex')}`);
  const p = 2n ** 255n - 19n;
  const y8 = 2707385501144840649318225287225658788936804267575313519463743609750303402022n;
  const fits = (point: Buffer) => {
    const y = number(point) % 2n ** 255n;
    return y < p && ![0n, 1n, p - 1n, y8, p - y8].includes(y);
  };
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  return fits(key) && fits(sig.subarray(0, 32)) && number(sig.subarray(32)) < order;
}

function merkle(blocks: Buffer[]): Buffer {
  if (blocks.length === 0) return sha256('');
  if (blocks.length === 1) return sha256(hex('00'), blocks[0]!);
  let left = 1;
  while (left * 2 < blocks.length) left *= 2;
  return sha256(hex('01'), merkle(blocks.slice(0, left)), merkle(blocks.slice(left)));
}

function bound(bytes: Buffer): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64BE(BigInt(bytes.length));
  const blocks = [];
  for (let at = 0; at < bytes.length; at += 64) blocks.push(bytes.subarray(at, at + 64));
  return Buffer.concat([length, merkle(blocks)]);
}

export interface AnyPart {
  type: string;
  text: string;
  tokens: number;
  ids?: number[];
  index: number;
  id?: string;
  name?: string;
  arguments: string;
  vector: Buffer;
  mime: string;
  bytes: Buffer;
}

const u32 = (id: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(id);
  return bytes;
};

export function output(channels: string[], parts: AnyPart[]) {
  const of = (type: string) => parts.filter((part) => part.type === type);
  const joined = (type: string) =>
    Buffer.from(
      of(type)
        .map(({ text }) => text)
        .join(''),
    );
  const said = parts.filter(({ type }) => ['text-delta', 'reasoning-delta', 'tool-call-delta'].includes(type));
  const named = channels.includes('ids') && said.every(({ ids, tokens }) => (ids ?? []).length === tokens);
  const form = named ? 'token-ids' : 'text-parts';
  const calls: { id: string; name: string; arguments: string }[] = [];
  for (const { index, id, name, arguments: text } of of('tool-call-delta')) {
    if (calls[index]) calls[index].arguments += text;
    else if (index === calls.length && id && name) calls.push({ id, name, arguments: text });
  }
  const files: { mime: string; bytes: Buffer }[] = [];
  for (const part of parts) {
    const bytes = part.type === 'embedding' ? part.vector : part.bytes;
    const mime = part.type === 'embedding' ? 'application/x-float32' : part.mime;
    if (part.type !== 'embedding' && part.type !== 'data-delta') continue;
    if (part.index === files.length) files.push({ mime, bytes: Buffer.alloc(0) });
    const file = files[part.index];
    if (file) file.bytes = Buffer.concat([file.bytes, bytes]);
  }
  const rows = files.map(({ mime, bytes }) => [mime, bytes.length, bound(bytes).subarray(8)]);
  const contents: Record<string, Buffer | undefined> = {
    text: joined('text-delta'),
    reasoning: joined('reasoning-delta'),
    ids: named ? Buffer.concat(said.flatMap(({ ids = [] }) => ids.map(u32))) : undefined,
    'tool-calls': write(calls),
    data: write(rows),
  };
  const channelsThere = channels.flatMap((name) => contents[name] ?? []);
  const root = sha256(`tabloom/output/2/${form}\n`, ...channelsThere.map(bound));
  return {
    outputForm: form,
    outputRoot: root.toString('hex'),
    tokens: said.reduce((sum, { tokens }) => sum + tokens, 0),
  };
}
