import { seededRandom } from '#lib/base/random.ts';
import { createFlow } from '#lib/trust/flow.ts';
import { median, spread, type Row } from './row.ts';

const runs = 9;
const peers = 10_000;
const receipts = 100_000;
const neighbours = 1_000;
const entriesPerWord = 100;
const now = 1_700_000_000_000;

/** What reputation costs a busy gateway: every receipt it takes, every word of a neighbour, every look at a peer. */
export default async function reputation(): Promise<readonly Row[]> {
  const random = seededRandom(1);
  const names = Array.from({ length: peers }, (_, i) => `12D3KooW${String(i).padStart(44, '0')}`);
  const anyPeer = () => names[Math.floor(random.float() ** 2 * peers)]!;
  const taken = Array.from({ length: receipts }, (_, i) => ({
    from: anyPeer(),
    work: 30_000 * random.float(),
    at: now + i,
  }));
  const words = names.slice(0, neighbours).map((signer) => ({
    signer,
    at: now,
    entries: Array.from({ length: entriesPerWord }, () => ({ peer: anyPeer(), work: 1_000_000 * random.float() })),
  }));
  const times = { receipts: [] as number[], words: [] as number[], looks: [] as number[] };
  for (let run = 0; run <= runs; run++) {
    const flow = createFlow('self');
    const perReceipt =
      processorMs(() => taken.forEach(({ from, work, at }) => flow.received(from, work, at))) / receipts;
    const perWord = processorMs(() => words.forEach((word) => flow.setStatement(word))) / neighbours;
    const perLook = processorMs(() => names.forEach((name) => flow.reputation(name, now))) / peers;
    // The first run warms the compiler up.
    if (run === 0) continue;
    times.receipts.push(perReceipt * 1_000);
    times.words.push(perWord * 1_000);
    times.looks.push(perLook * 1_000);
  }
  const row = (what: string, values: readonly number[], goal: string): Row => ({
    what,
    value: `${median(values).toFixed(2)} µs`,
    goal,
    note: `processor time; ${peers} peers, ${receipts} receipts, ${neighbours} words of ${entriesPerWord}; ${spread(values, 2)}`,
  });
  return [
    row('counting a receipt for reputation', times.receipts, '5 µs at most'),
    row('taking in a neighbour’s word', times.words, '200 µs at most'),
    row('a peer’s reputation', times.looks, '20 µs at most'),
  ];
}

function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
