import { expect, test } from 'vitest';
import {
  cut,
  fromJson,
  hex,
  output,
  peerId,
  read,
  sha256,
  strict,
  vectors,
  verifies,
  write,
  type AnyPart,
  type Value,
} from './second-reader.ts';
import { dueFor, isName, judgeFrame, readNewerOffer, readTally, readVoucher, readWish } from './second-judge.ts';

/**
 * A second implementation, written from `src/lib/protocol/README.md` alone. If it agrees with the vectors, the page is
 * sufficient.
 */
test('values encode to the given bytes and decode back, and other bytes are refused', () => {
  const { accepted, refused } = vectors('cbor');
  for (const { value, bytes } of accepted) {
    expect(write(fromJson(value)).toString('hex')).toBe(bytes);
    expect(read(hex(bytes))).toEqual(fromJson(value));
  }
  for (const { bytes, because } of refused) expect(() => read(hex(bytes)), because).toThrow();
});

test('ids match', () => {
  const { peers, artefacts } = vectors('ids');
  for (const { publicKey, peer } of peers) expect(peerId(hex(publicKey))).toBe(peer);
  for (const { manifest, artefact, topic } of artefacts) {
    const files = manifest.files as { path: string; sizeBytes: number; sha256: string }[];
    const rows = files.map((file) => [file.path, file.sizeBytes, file.sha256]).sort(([a], [b]) => (a! < b! ? -1 : 1));
    expect(sha256(write(rows)).toString('hex')).toBe(artefact);
    expect(`tabloom/offers/2/${artefact[0]}`).toBe(topic);
  }
});

test('names are accepted and refused alike', () => {
  const { names } = vectors('ids');
  for (const name of names.accepted) expect(isName(name), JSON.stringify(name)).toBe(true);
  for (const { name, because } of names.refused) expect(isName(name), because).toBe(false);
});

test('relays that another relay names are accepted and refused alike', () => {
  const local = ['localhost', 'local', 'internal', 'lan', 'home', 'test', 'invalid', 'arpa'];
  const isPublic = (address: string): boolean => {
    const [empty, kind, host = '', tcp, port = '', wss, p2p, id = '', ...rest] = address.split('/');
    const labels = host.split('.');
    const last = labels.at(-1)!;
    return (
      [empty, tcp, wss, p2p].join() === ',tcp,wss,p2p' &&
      ['dns', 'dns4', 'dns6'].includes(kind!) &&
      labels.length > 1 &&
      labels.every((label) => /^[a-z0-9-]{1,63}$/.test(label)) &&
      last.length > 1 &&
      !/^[0-9]/.test(last) &&
      !local.includes(last) &&
      /^[0-9]{1,5}$/.test(port) &&
      id.length === 52 &&
      id.startsWith('12D3KooW') &&
      rest.length === 0
    );
  };
  const { relays } = vectors('ids');
  for (const address of relays.accepted) expect(isPublic(address), address).toBe(true);
  for (const { address, because } of relays.refused) expect(isPublic(address), because).toBe(false);
});

test('streams split into messages, credit and the end mark', () => {
  for (const { name, bytes, items } of vectors('streams')) expect(cut(hex(bytes)), name).toEqual(items);
});

test('every frame is framed, decoded and encoded alike', () => {
  for (const { name, value, body, framed } of vectors('frames')) {
    expect(cut(hex(framed)), name).toEqual([{ message: body }]);
    expect(write(fromJson(value)).toString('hex'), name).toBe(body);
    expect(read(hex(body)), name).toEqual(fromJson(value));
  }
});

test('the page defines every frame in the files completely', () => {
  for (const { protocol, sender, name, value, body } of vectors('frames')) {
    expect(judgeFrame(protocol, sender, hex(body)), name).toEqual({ reading: 'read', value: fromJson(value) });
  }
});

test('a newer peer’s frames are skipped, refused with `version`, or read without unknown members', () => {
  const { frames, offer } = vectors('words');
  for (const { name, protocol, sender, body, ...judgement } of frames) {
    expect(judgeFrame(protocol, sender, hex(body)), `${sender}: ${name}`).toEqual(fromJson(judgement));
  }
  expect(readNewerOffer(hex(offer.envelope))).toEqual(fromJson(offer.read));
});

test('every envelope is signed over the bytes the page defines, by the peer named in its record', () => {
  for (const row of vectors('envelopes')) {
    const envelope = read(hex(row.envelope)) as { type: string; payload: Buffer; key: Buffer; sig: Buffer };
    const message = Buffer.concat([Buffer.from(`tabloom/${envelope.type}/2\n`), envelope.payload]);
    expect(verifies(envelope.key, message, envelope.sig), row.name).toBe(true);
    expect(verifies(envelope.key, Buffer.concat([message, hex('00')]), envelope.sig), row.name).toBe(false);
    const record = read(envelope.payload) as { [key: string]: Value };
    expect(record).toEqual(fromJson(row.record));
    const signer = {
      offer: record['peer'],
      receipt: record['worker'],
      checkpoint: record['worker'],
      countersign: record['asker'],
      tally: record['peer'],
      wish: record['peer'],
      epoch: record['worker'],
      release: record['asker'],
      accusation: record['accuser'],
      commitment: record['validator'],
      reveal: record['validator'],
      unsealing: record['accuser'],
      appeal: record['worker'],
    }[envelope.type];
    expect(signer).toBe(peerId(envelope.key));
    expect(sha256(hex(row.envelope)).toString('hex')).toBe(row.hash);
  }
});

test('an offer with a price, a voucher and what is due are read and counted as the page defines', () => {
  const row = (name: string) => vectors('envelopes').find((one: { name: string }) => one.name === name);
  const frame = (name: string) => vectors('frames').find((one: { name: string }) => one.name === name);
  const offer = fromJson(row('offer, with a price').record) as { models: { price: { in: string; out: string } }[] };
  expect(readNewerOffer(hex(row('offer, with a price').envelope))).toEqual(offer);
  const named = row('offer, with a nickname');
  expect(readNewerOffer(hex(named.envelope))).toEqual(fromJson(named.record));
  expect(readVoucher(hex(frame('pay, for a job').value.voucher.$bytes))).toMatchObject({ cumulativeAmount: '1027' });
  const { price } = offer.models[0]!;
  const { tokensIn, due } = frame('accepted, with what is due').value;
  expect(dueFor(price, tokensIn, 0)).toBe(BigInt(due));
  const { usage } = frame('finish, paid').value;
  const paid = row('receipt, paid').record;
  expect(dueFor(paid.price, usage.tokensIn, usage.tokensOut)).toBe(BigInt(paid.payment.total));
});

test('signatures are verified as the page defines, even where Ed25519 implementations differ', () => {
  const judged = (row: { key: string; message: string; sig: string }) =>
    strict(hex(row.key), hex(row.sig)) && verifies(hex(row.key), hex(row.message), hex(row.sig));
  const rows = vectors('signatures');
  expect(rows.map(judged)).toEqual(rows.map(({ valid }: { valid: boolean }) => valid));
});

test('prompt and output hashes match, and the receipt belongs to its job', () => {
  const { prompts, outputs } = vectors('hashes');
  for (const { salt, kind, input, promptHash } of prompts) {
    expect(sha256(hex(salt), write(fromJson([kind, input]))).toString('hex')).toBe(promptHash);
  }
  for (const { channels, parts, ...summary } of outputs) {
    expect(output(channels, fromJson(parts) as unknown as AnyPart[])).toEqual(summary);
  }
  const rows = vectors('envelopes') as { name: string; record: Record<string, unknown>; hash: string }[];
  const receipt = rows.find(({ name }) => name === 'receipt')!;
  const countersign = rows.find(({ name }) => name === 'countersign')!;
  expect(receipt.record['promptHash']).toBe(prompts[0].promptHash);
  expect(receipt.record).toMatchObject({ outputRoot: outputs[1].outputRoot, outputForm: 'token-ids', tokensOut: 5 });
  expect(countersign.record['receipt']).toBe(receipt.hash);
  const checkpoint = rows.find(({ name }) => name === 'checkpoint')!;
  const { channels, parts } = outputs[1];
  const sent = output(channels, fromJson(parts.slice(0, 2)) as unknown as AnyPart[]);
  expect(checkpoint.record).toMatchObject({
    jobId: receipt.record['jobId'],
    promptHash: receipt.record['promptHash'],
    outputRoot: sent.outputRoot,
    outputForm: sent.outputForm,
    tokensOut: sent.tokens,
  });
});

test('a wish is read whole, and names models by their artefacts', () => {
  const rows = vectors('envelopes') as { type: string; record: Record<string, Value> }[];
  const wishes = rows.filter(({ type }) => type === 'wish').map(({ record }) => fromJson(record));
  expect(wishes.map((wish) => readWish(wish))).toEqual(wishes);
  expect(wishes).toHaveLength(2);
});

test('a leaf, a pick, a vote and a seal are hashed as the page defines', () => {
  const rows = vectors('envelopes') as { name: string; record: Record<string, Value>; hash: string }[];
  const find = (name: string) => fromJson(rows.find((row) => row.name === name)!.record) as Record<string, Value>;
  const { leaves, draw, picked } = vectors('hashes').audits;
  const [epoch, accusation, vote, reveal, unsealing] = ['epoch', 'accusation', 'commitment', 'reveal', 'unsealing'].map(
    find,
  );
  const rootOf = (hashes: readonly string[]): Buffer => {
    if (hashes.length === 1) return sha256(hex('00'), hex(hashes[0]!));
    const split = 2 ** Math.ceil(Math.log2(hashes.length) - 1);
    return sha256(hex('01'), rootOf(hashes.slice(0, split)), rootOf(hashes.slice(split)));
  };
  expect(leaves).toEqual(leaves.toSorted());
  expect(rootOf(leaves).toString('hex')).toBe(epoch!['root']);
  const isPicked = (index: number) => {
    const at = Buffer.alloc(4);
    at.writeUInt32BE(index);
    const head = Buffer.from('tabloom/draw/2/leaf\n');
    const drawn = sha256(head, hex(draw.beacon), hex(draw.randomness), sha256(hex(epoch!['root'] as string)), at);
    return drawn.readBigUInt64BE() * 1_000_000n < BigInt(draw.share) << 64n;
  };
  expect(leaves.map((_: string, index: number) => index).filter(isPicked)).toEqual(picked);
  const { audit, round, sitting, validator, verdict, values, engine, salt } = reveal! as Record<string, Value> & {
    salt: Buffer;
  };
  const told = write([audit, round, sitting, validator, verdict, values, engine] as Value[]);
  expect(sha256(Buffer.from('tabloom/vote/2\n'), salt, told).toString('hex')).toBe(vote!['commitment']);
  const seal = Buffer.from(`tabloom/seal/2/${String(unsealing!['truth'])}\n`);
  expect(sha256(seal, hex(audit as string), unsealing!['salt'] as Buffer).toString('hex')).toBe(accusation!['seal']);
  const epochHash = rows.find(({ name }) => name === 'epoch')!.hash;
  const named = write([epochHash, accusation!['index'], accusation!['accuser']] as Value[]);
  expect(sha256(named).toString('hex')).toBe(audit);
});

test('a tally is read whole, and the links of the files name the records of the files', () => {
  const rows = vectors('envelopes') as { name: string; record: Record<string, Value>; hash: string }[];
  const find = (name: string) => rows.find((row) => row.name === name)!;
  expect(readTally(fromJson(find('tally').record))).toEqual(fromJson(find('tally').record));
  const { links } = vectors('hashes') as { links: Record<'side' | 'peer' | 'prev' | 'hash' | 'link', string>[] };
  for (const { side, peer, prev, hash, link } of links) {
    const place = sha256(write([side, peer, prev])).subarray(0, 16);
    expect(Buffer.concat([place, hex(hash).subarray(0, 8)]).toString('hex')).toBe(link);
  }
  const [receipt, countersign] = [find('receipt'), find('countersign')];
  expect(links.map(({ hash }) => hash).slice(0, 2)).toEqual([receipt.hash, countersign.hash]);
  expect(links[0]).toMatchObject({ peer: receipt.record['worker'], prev: receipt.record['prevWorker'] });
  expect(links[1]).toMatchObject({ peer: countersign.record['asker'], prev: countersign.record['prevAsker'] });
});
