import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorCode } from '#lib/base/errors.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { auditProtocol, decodeAuditFrame, decodeAuditRequest } from '#lib/protocol/audit-frame.ts';
import { closeProtocol, decodeCloseFrame, decodeCloseRequest } from '#lib/protocol/closing.ts';
import { decodeFindFrame, decodeFindRequest, findProtocol } from '#lib/protocol/find.ts';
import { decodeAskerFrame, decodeWorkerFrame, jobProtocol } from '#lib/protocol/frame.ts';
import { decodeTallyFrame, tallyProtocol } from '#lib/protocol/tally.ts';
import { toJson } from './build.ts';
import { judgeFrame } from './second-judge.ts';
import { fromJson, hex, read, vectors, type Value } from './second-reader.ts';

const decoders: Readonly<Record<string, (body: Uint8Array) => unknown>> = {
  [`${jobProtocol} asker`]: decodeAskerFrame,
  [`${jobProtocol} worker`]: decodeWorkerFrame,
  [`${findProtocol} asker`]: decodeFindRequest,
  [`${findProtocol} relay`]: decodeFindFrame,
  [`${tallyProtocol} peer`]: decodeTallyFrame,
  [`${closeProtocol} asker`]: decodeCloseRequest,
  [`${closeProtocol} worker`]: decodeCloseFrame,
  [`${auditProtocol} asker`]: decodeAuditRequest,
  [`${auditProtocol} answerer`]: decodeAuditFrame,
};

/** The result of our own decoder for a body, in the second implementation's terms. */
function ours(protocol: string, sender: string, body: Uint8Array) {
  try {
    const value = decoders[`${protocol} ${sender}`]!(body) as { readonly t?: string };
    return value.t === 'unknown' ? { reading: 'skip' } : { reading: 'read', value: fromJson(toJson(value)) };
  } catch (error) {
    return { reading: errorCode(error) === 'version' ? 'version' : 'bad' };
  }
}

type Path = readonly (string | number)[];
const pathsOf = (value: Value, at: Path = []): readonly Path[] => {
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return [at];
  return [at, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member as Value, [...at, key]))];
};
function changed(value: Value, [key, ...rest]: Path, change: (value: Value) => Value | undefined): Value | undefined {
  if (key === undefined) return change(value);
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => (i === Number(key) ? (changed(item, rest, change) ?? []) : [item])) as Value[];
  }
  const row = value as { [key: string]: Value };
  const { [key]: member, ...others } = row;
  const next = changed(member!, rest, change);
  return next === undefined ? others : { ...others, [key]: next };
}

const strange: fc.Arbitrary<Value> = fc.oneof(
  fc.constantFrom<Value[]>(null, true, '', 'word', 'Word', 'Ü', -1, 0, 0.5, 1, 2 ** 32, 1e300, [], {}, Buffer.of(1)),
  fc.constantFrom('open', 'part', 'text', 'blob', 'text-delta', 'tool-call-delta', 'named', 'chat', 'image', 'a/b'),
  fc.nat(100_000),
  fc.constantFrom(64, 65, 128, 129, 256, 257, 65_536, 65_537, 196_608, 196_609).map((length) => 'x'.repeat(length)),
  fc.constantFrom(0, 4, 32, 65_536, 65_537).map((length) => Buffer.alloc(length, 7)),
);

test('both implementations agree on every modification of a frame', () => {
  const rows = vectors('frames') as { protocol: string; sender: string; body: string }[];
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(
      fc.constantFrom(...rows),
      fc.nat(),
      fc.oneof(
        strange.map((value) => () => value),
        fc.constant(() => undefined),
        strange.map((value) => (old: Value) => (Array.isArray(old) ? [...old, value] : value)),
        fc.tuple(fc.constantFrom('must', 'mood', 'ids', 'type'), strange).map(
          ([key, value]) =>
            (old: Value) =>
              typeof old === 'object' && old !== null && !Array.isArray(old) && !Buffer.isBuffer(old)
                ? { ...old, [key]: value }
                : value,
        ),
      ),
      ({ protocol, sender, body }, at, change) => {
        const value = read(hex(body));
        const paths = pathsOf(value);
        const path = paths[at % paths.length]!;
        const next = changed(value, path, change);
        if (next === undefined) return;
        const bytes = encodeCbor(next);
        const judged = judgeFrame(protocol, sender, Buffer.from(bytes));
        seen.set(judged.reading, (seen.get(judged.reading) ?? 0) + 1);
        const own = ours(protocol, sender, bytes);
        // With a different kind or type there are many errors at once, unknown and malformed; either may be reported.
        const both = [own, judged].every(({ reading }) => reading === 'bad' || reading === 'version');
        if (!both || !['kind', 'type'].includes(String(path.at(-1))))
          expect(own, path.join('.') + ' ' + JSON.stringify(next).slice(0, 900)).toEqual(judged);
      },
    ),
    { seed: 1, numRuns: 3_000 },
  );
  for (const reading of ['read', 'skip', 'version', 'bad']) expect(seen.get(reading)).toBeGreaterThan(20);
});
