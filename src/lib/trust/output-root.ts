import { sha256 } from '@noble/hashes/sha2.js';
import { concatBytes, toHex, utf8Encode } from '#lib/base/bytes.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { createMerkle, type MerkleBuilder } from './merkle.ts';

/** What was put out, as a receipt states it. */
export interface OutputSummary {
  /** 64 hexadecimal digits. */
  readonly outputRoot: string;
  readonly outputForm: Receipt['outputForm'];
  /** Sum of the tokens of all text parts. */
  readonly tokens: number;
}

/** Both sides feed it every part in order, as sent and as received; it keeps hashes, not the text. */
export interface OutputRoot {
  add(part: Part): void;
  /** What has been added so far; more may be added afterwards. */
  summary(): OutputSummary;
}

/**
 * The root always binds the joined text (UTF-8), and the token ids too (4 bytes each, big-endian) as long as every
 * part names the ids of all its tokens: then the form is `token-ids`, else `text-parts`. How the parts were cut or
 * joined on the way makes no difference.
 *
 * root = SHA-256("tabloom/output/1/" form "\n" ‖ u64(text bytes) ‖ M(text) [ ‖ u64(id bytes) ‖ M(ids) ]), M being the
 * Merkle tree hash of `merkle.ts`; the bracket stands in the form `token-ids` alone.
 */
export function createOutputRoot(): OutputRoot {
  const text = createMerkle();
  let ids: MerkleBuilder | undefined = createMerkle();
  let tokens = 0;
  /** A character that was cut in two between parts is hashed whole. */
  let halfCharacter = '';

  return {
    add(part) {
      if (part.type !== 'text-delta') return;
      tokens += part.tokens;
      const joined = halfCharacter + part.text;
      const cut = endsInHighSurrogate(joined) ? joined.length - 1 : joined.length;
      halfCharacter = joined.slice(cut);
      text.add(utf8Encode(joined.slice(0, cut)));
      if ((part.ids?.length ?? 0) !== part.tokens) ids = undefined;
      ids?.add(encodeIds(part.ids ?? []));
    },
    summary() {
      // A dangling half character is not part of any text that can travel, so it is left out.
      const outputForm = ids ? 'token-ids' : 'text-parts';
      const bound = ids ? [text, ids] : [text];
      const root = sha256(
        concatBytes(
          utf8Encode(`tabloom/output/1/${outputForm}\n`),
          ...bound.flatMap((merkle) => [encodeU64(merkle.sizeBytes), merkle.root()]),
        ),
      );
      return { outputRoot: toHex(root), outputForm, tokens };
    },
  };
}

function endsInHighSurrogate(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}

function encodeIds(ids: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(ids.length * 4);
  const view = new DataView(bytes.buffer);
  ids.forEach((id, i) => view.setUint32(i * 4, id));
  return bytes;
}

function encodeU64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
