import { expect, test } from 'vitest';
import { createSigner, type Envelope } from '#lib/protocol/envelope.ts';
import { chainStart, checkChain, findFork, provesFork, readLink } from './chain.ts';
import { countersign, issueReceipt, openReceipt, receiptHash } from './receipt.ts';

const worker = createSigner(new Uint8Array(32).fill(1));
const asker = createSigner(new Uint8Array(32).fill(2));

const receipt = (n: number, prevWorker: string, signer = worker): Envelope =>
  issueReceipt(
    {
      job: {
        id: n.toString(16).padStart(32, '0'),
        artefact: 'a'.repeat(64),
        model: 'm',
        kind: 'completion',
        input: { prompt: '' },
        params: { maxTokens: 1 },
        tier: 'open',
        deadlineMs: 1,
        salt: '0'.repeat(32),
      },
      asker: asker.peer,
      engine: { name: 'scripted', build: '', deviceClass: '' },
      output: { outputRoot: '0'.repeat(64), outputForm: 'text-parts', tokens: 0 },
      reason: 'stop',
      tokensIn: 0,
      timings: { queuedMs: 0, ttftMs: 0, decodeMs: 0 },
      price: { in: '0', out: '0' },
      issuedAt: n,
      prevWorker,
    },
    signer,
  ).envelope;

const chainOf = (length: number, from = chainStart): Envelope[] => {
  const chain: Envelope[] = [];
  for (let i = 0; i < length; i++) chain.push(receipt(i, chain.length > 0 ? receiptHash(chain.at(-1)!) : from));
  return chain;
};

test('a chain is valid from its start, or from a given point, to its head', () => {
  const chain = chainOf(4);
  expect(checkChain('worker', chain)).toEqual({ type: 'whole', head: receiptHash(chain[3]!) });
  expect(checkChain('worker', chain.slice(2), receiptHash(chain[1]!))).toMatchObject({ type: 'whole' });
  expect(checkChain('worker', [])).toEqual({ type: 'whole', head: chainStart });
});

test('a gap, a swap, a foreign and a forged record are reported with their index', () => {
  const [a, b, c] = chainOf(3) as [Envelope, Envelope, Envelope];
  const broken = (at: number, reason: string) => ({ type: 'broken', at, reason });
  expect(checkChain('worker', [a, c])).toEqual(broken(1, 'not-linked'));
  expect(checkChain('worker', [b, a])).toEqual(broken(0, 'not-linked'));
  expect(checkChain('worker', [a, receipt(9, receiptHash(a), asker)])).toEqual(broken(1, 'other-peer'));
  expect(checkChain('worker', [a, { ...b, sig: c.sig }])).toEqual(broken(1, 'bad-record'));
  expect(checkChain('asker', [a])).toEqual(broken(0, 'bad-record'));
});

test('two diverging histories are a self-proving fork; a continuation is not', () => {
  const chain = chainOf(3);
  const other = receipt(99, receiptHash(chain[1]!));
  const fork = findFork('worker', chain, [...chain.slice(0, 2), other]);
  expect(fork).toEqual({ side: 'worker', left: chain[2], right: other });
  expect(provesFork(fork!)).toBe(true);
  expect(findFork('worker', chain, chain.slice(0, 2))).toBeUndefined();
  expect(findFork('worker', chain, [{ ...other, sig: chain[0]!.sig }])).toBeUndefined();
});

test('pairs that are not a fork are no evidence', () => {
  const [a, b] = chainOf(2) as [Envelope, Envelope];
  const stranger = receipt(5, chainStart, createSigner(new Uint8Array(32).fill(3)));
  expect(provesFork({ side: 'worker', left: a, right: a })).toBe(false);
  expect(provesFork({ side: 'worker', left: a, right: b })).toBe(false);
  expect(provesFork({ side: 'worker', left: a, right: stranger })).toBe(false);
});

test('the asker’s countersigns form a separate chain', () => {
  const [a, b, c] = chainOf(3) as [Envelope, Envelope, Envelope];
  const first = countersign(openReceipt(a), chainStart, asker);
  const second = countersign(openReceipt(b), receiptHash(first), asker);
  const again = countersign(openReceipt(c), receiptHash(first), asker);
  expect(checkChain('asker', [first, second])).toMatchObject({ type: 'whole' });
  expect(readLink('asker', second)).toMatchObject({ peer: asker.peer, prev: receiptHash(first) });
  expect(provesFork(findFork('asker', [first, second], [again])!)).toBe(true);
});

test('who starts a chain twice, having lost its storage, has told no lie', () => {
  const [a] = chainOf(1) as [Envelope];
  const anew = receipt(7, chainStart);
  expect(findFork('worker', [a], [anew])).toBeUndefined();
  expect(provesFork({ side: 'worker', left: a, right: anew })).toBe(false);
});
