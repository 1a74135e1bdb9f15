import { expect, test } from 'vitest';
import { toHex } from '#lib/base/bytes.ts';
import { silentLogger } from '#lib/base/logger.ts';
import { seededRandom } from '#lib/base/random.ts';
import { cheatsAnswer, createAuditTown, weights } from '#lib/peer/audit/town.fixture.ts';
import { classOf } from '#lib/peer/audit/trials.ts';
import { createGround, signerOf } from '#lib/peer/town.fixture.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { judgeAudits } from './judge-audits.ts';

const idle = { scorer: { has: () => false }, servedModels: () => undefined };
const openWith = (blocks: RelayAudits['blocks'], fetch: typeof globalThis.fetch) => {
  const { network, clock } = createGround(5);
  return judgeAudits({
    session: {
      signer: signerOf(1),
      peer: {
        net: network.createNet({ seed: new Uint8Array(32).fill(1) }),
        self: signerOf(1).peer,
        provider: idle,
      } as never,
    },
    terms: { validators: [{ peer: signerOf(1).peer, engineClass: '' }], share: 0, beacons: ['https://b.test'], blocks },
    storage: createMemoryStorage(),
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    fetch,
    onSeat: () => undefined,
  });
};

test('a tab of a network whose blocks pick needs a server of that chain, and judges by no other beacon', async () => {
  const told = (async () => Response.json({ calibrations: [] })) as unknown as typeof globalThis.fetch;
  const unknown = { chain: 999_999, confirmations: 64 };
  await expect(openWith(unknown, told)).rejects.toMatchObject({ code: 'audits-unread' });
  await expect(openWith({ ...unknown, rpc: 'https://relay.test/pay/rpc' }, told)).resolves.toBeDefined();
});

test('a tab is seated where the beacon draws it, asks the beacon’s servers itself, and votes by its own weights', async () => {
  const town = await createAuditTown({ validators: 6 });
  const signer = signerOf(26);
  const net = town.network.createNet({ seed: new Uint8Array(32).fill(26) });
  await net.start();
  const others = town.judges.map((number) => signerOf(number).peer);
  const engine = { name: 'wllama', build: '2', deviceClass: 'wasm-cpu' };
  const validators = [...others, signer.peer].map((peer) => ({ peer, engineClass: classOf({ engine }) }));
  const asked: string[] = [];
  let seats = 0;
  const tab = await judgeAudits({
    session: {
      signer,
      peer: {
        net,
        self: signer.peer,
        provider: {
          scorer: { ...weights(26), has: (artefact: string) => artefact === 'scored' },
          servedModels: () => ({
            engine: { ...engine, name: 'webllm' },
            models: [{ artefact: 'silent' }, { artefact: 'scored', engine }],
          }),
        },
      } as never,
    },
    terms: { validators, share: 1_000_000, beacons: ['https://beacon.test'], chain: town.own.chain },
    storage: createMemoryStorage(),
    clock: town.clock,
    random: seededRandom(26),
    logger: silentLogger,
    fetch: (async (url: URL | string) => {
      if (typeof url === 'string') return Response.json({ calibrations: [] });
      asked.push(url.href);
      const round = Number(url.pathname.split('/').at(-1));
      return Response.json({ round, signature: toHex(town.own.signRound(round)) });
    }) as unknown as typeof globalThis.fetch,
    onSeat: () => (seats += 1),
  });
  await tab.start();
  const change = { candidates: () => validators };
  for (const number of town.judges) await town.join(number, change);
  const worker = await town.worker(3, change);
  const asker = await town.join(4, change);
  for (let at = 0; at < 4; at++) {
    const { envelope, shown } = worker.answer(asker.signer, cheatsAnswer);
    asker.auditing.follow(envelope, shown);
  }
  for (let at = 0; at < 400 && seats === 0; at++) await town.clock.advance(30_000);
  expect(seats).toBeGreaterThan(0);
  expect(asked.every((url) => url.startsWith(`https://beacon.test/${town.own.chain.id}/public/`))).toBe(true);
  await tab.stop();
});
