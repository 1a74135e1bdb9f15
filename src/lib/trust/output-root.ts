import { utf8Encode } from '#lib/base/bytes.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { hashBytes } from '#lib/protocol/hash.ts';
import type { OutputChannel } from '#lib/protocol/kinds/spec.ts';
import { emptyOutput, foldOutput, partTokens, vectorMime } from '#lib/protocol/output.ts';
import type { Part } from '#lib/protocol/part.ts';
import type { Receipt } from '#lib/protocol/receipt.ts';
import { createMerkle, emptyRoot, type MerkleBuilder } from './merkle.ts';

/** The output as stated in a receipt or a checkpoint. */
export interface OutputSummary {
  /** 64 hexadecimal digits. */
  readonly outputRoot: string;
  readonly outputForm: Receipt['outputForm'];
  /** Sum of the tokens of all parts. */
  readonly tokens: number;
}

/** Both sides feed it every part in order, as sent or received. It stores only hashes of text. */
export interface OutputRoot {
  add(part: Part): void;
  /** The summary of what has been added so far; more may be added afterwards. */
  summary(): OutputSummary;
}

/**
 * The root covers the channels of the job's kind, in its order: the joined text and the joined reasoning (UTF-8); the
 * token ids (4 bytes each, big-endian), if every part has ids for all its tokens (then the form is `token-ids`,
 * otherwise `text-parts` without this channel); the tool calls (DAG-CBOR of the list of `{ arguments, id, name }`); and
 * the output files (DAG-CBOR of the list of `[mime, size, M(bytes)]`). How the stream was split into parts makes no
 * difference.
 *
 * root = SHA-256("tabloom/output/2/" form "\n" ‖ for each channel: u64(bytes) ‖ M(bytes)), M being the Merkle tree hash
 * of `merkle.ts`.
 */
export function createOutputRoot(channels: readonly OutputChannel[]): OutputRoot {
  // Each is made for the first byte: of most answers there is text and nothing else.
  let text: TextMerkle | undefined;
  let reasoning: TextMerkle | undefined;
  const files: { mime: string; merkle: MerkleBuilder }[] = [];
  let ids: MerkleBuilder | undefined;
  let hasIds = channels.includes('ids');
  let calls = emptyOutput;
  let tokens = 0;

  const addBytes = (index: number, mime: string, bytes: Uint8Array) => {
    if (index === files.length) files.push({ mime, merkle: createMerkle() });
    files[index]?.merkle.add(bytes);
  };
  const channel = (name: OutputChannel): Bound | undefined => {
    switch (name) {
      case 'text':
        return text?.summary() ?? nothing;
      case 'reasoning':
        return reasoning?.summary() ?? nothing;
      case 'ids':
        if (!hasIds) return undefined;
        return ids ? [ids.sizeBytes, ids.root()] : nothing;
      case 'tool-calls':
        return calls.toolCalls.length === 0 ? noItems : merkleOf(encodeCbor(calls.toolCalls));
      case 'data':
        return merkleOf(encodeCbor(files.map(({ mime, merkle }) => [mime, merkle.sizeBytes, merkle.root()])));
    }
  };

  return {
    add(part) {
      if (part.type === 'text-delta') (text ??= createTextMerkle()).add(part.text);
      else if (part.type === 'reasoning-delta') (reasoning ??= createTextMerkle()).add(part.text);
      else if (part.type === 'tool-call-delta') calls = foldOutput(calls, part);
      else if (part.type === 'embedding') return addBytes(part.index, vectorMime, part.vector);
      else if (part.type === 'data-delta') return addBytes(part.index, part.mime, part.bytes);
      else return;
      tokens += partTokens(part);
      if (!hasIds) return;
      if (part.ids?.length === part.tokens) (ids ??= createMerkle()).add(encodeIds(part.ids));
      else if (part.tokens > 0) hasIds = false;
    },
    summary() {
      const outputForm = hasIds ? 'token-ids' : 'text-parts';
      const head = heads[outputForm];
      const bytes = new Uint8Array(head.length + channels.length * boundBytes);
      bytes.set(head);
      const view = new DataView(bytes.buffer);
      let at = head.length;
      for (const name of channels) {
        const bound = channel(name);
        if (!bound) continue;
        view.setBigUint64(at, BigInt(bound[0]));
        bytes.set(bound[1], at + 8);
        at += boundBytes;
      }
      return { outputRoot: hashBytes(bytes.subarray(0, at)), outputForm, tokens };
    },
  };
}

/** What stands for a channel: its length in bytes, and its root. */
type Bound = readonly [sizeBytes: number, root: Uint8Array];

/** Eight bytes of length and 32 of root. */
const boundBytes = 40;
const heads = {
  'token-ids': utf8Encode('tabloom/output/2/token-ids\n'),
  'text-parts': utf8Encode('tabloom/output/2/text-parts\n'),
} as const;
const nothing: Bound = [0, emptyRoot];
/** Of an empty list. */
const noItems: Bound = merkleOf(encodeCbor([]));

interface TextMerkle {
  add(piece: string): void;
  summary(): Bound;
}

/** Hashes text as UTF-8. A character split across pieces is hashed whole; a dangling surrogate is ignored. */
function createTextMerkle(): TextMerkle {
  const merkle = createMerkle();
  let halfCharacter = '';
  return {
    add(piece: string) {
      const joined = halfCharacter + piece;
      const cut = endsInHighSurrogate(joined) ? joined.length - 1 : joined.length;
      halfCharacter = joined.slice(cut);
      merkle.add(utf8Encode(joined.slice(0, cut)));
    },
    summary: () => [merkle.sizeBytes, merkle.root()],
  };
}

function merkleOf(bytes: Uint8Array): Bound {
  const merkle = createMerkle();
  merkle.add(bytes);
  return [bytes.length, merkle.root()];
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
