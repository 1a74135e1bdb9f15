import { expect, test } from 'vitest';
import { silentLogger } from '#lib/base/logger.ts';
import { signEnvelope } from '#lib/protocol/envelope.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import { signerOf } from '../town.fixture.ts';
import { createEvidenceStore, type ReleasedFrame } from './evidence.ts';
import { cheatsAnswer, createAuditTown, honestAnswer, weights } from './town.fixture.ts';

const minuteMs = 60_000;

/** A cheat that three of seven have found guilty, and that leaves it at that; what the contract says of it, is set. */
async function createConvict() {
  const town = await createAuditTown();
  const validators = await Promise.all(town.judges.map((number) => town.join(number)));
  const cheat = await town.worker(2, { appeals: false });
  const evidence = createEvidenceStore({ storage: createMemoryStorage(), clock: town.clock, logger: silentLogger });
  const contract = { isAppealed: false };
  const asker = await town.join(40, { evidence, isAppealed: () => contract.isAppealed });
  const { envelope, shown } = cheat.answer(asker.signer, cheatsAnswer);
  asker.auditing.follow(envelope, shown);
  await town.clock.advance(26 * 60 * minuteMs);
  const settled = asker.effects.flatMap((one) =>
    one.of === 'trial' && one.effect.type === 'settled' ? [{ ...one.effect, trial: one.trial }] : [],
  );
  expect(settled).toMatchObject([{ outcome: 'convicted', trial: { state: { round: 1 } } }]);
  const { audit } = settled[0]!.trial.accusation;
  const seated = new Set(settled[0]!.trial.state.counted.map(({ validator }) => validator));
  expect(seated.size).toBe(3);
  const judge = async (by: (typeof validators)[number], receipt = envelope) => {
    const finding = by.auditing
      .judgeAppealed({ audit, accuser: asker.signer.peer, receipt })
      .catch(({ code }: { readonly code: string }) => code);
    await town.clock.advance(1_000);
    return finding;
  };
  return { town, validators, cheat, asker, contract, seated, judge };
}

test('those who were not seated are shown the answer once the contract hears an appeal, and not before', async () => {
  const { validators, contract, seated, judge, town, cheat } = await createConvict();
  const others = validators.filter(({ signer }) => !seated.has(signer.peer));
  for (const one of others) expect(await judge(one)).toBe('refused-policy');
  contract.isAppealed = true;
  for (const one of others) expect(await judge(one)).toBe('guilty');
  // Neither who is no validator nor the convict itself.
  expect(await judge(await town.join(50))).toBe('refused-policy');
  expect(await judge(cheat)).toBe('refused-policy');
});

test('what is shown has to be the answer of the receipt, and without the weights nothing is found', async () => {
  const { town, contract, cheat, asker, judge, validators } = await createConvict();
  contract.isAppealed = true;
  const other = cheat.answer(asker.signer, honestAnswer);
  expect(await judge(validators[0]!, other.envelope)).toBe('bad-request');
  await validators[6]!.auditing.stop();
  const bare = await town.join(26, { scorer: { ...weights(1), score: async () => undefined } });
  expect(await judge(bare)).toBe('undecided');
});

test('evidence outlives the process, is let go with its case, and does not grow without end', async () => {
  const { clock, ...town } = await createAuditTown();
  const storage = createMemoryStorage();
  const kept = () => createEvidenceStore({ storage, clock, logger: silentLogger, keptMax: 8 });
  const worker = await town.worker(2);
  const asker = signerOf(40);
  const { shown } = worker.answer(asker, honestAnswer);
  const release = signEnvelope('release', 'any', asker);
  const frame: ReleasedFrame = { t: 'released', release, job: shown.job, parts: [...shown.parts] };
  for (let at = 0; at < 12; at++)
    kept().keep({ audit: at.toString(16).padStart(64, '0'), worker: worker.signer.peer, frame });
  await clock.advance(1_000);
  const last = (11).toString(16).padStart(64, '0');
  expect(await kept().read(last)).toMatchObject({ worker: worker.signer.peer, frame: { job: shown.job } });
  expect(await kept().read('0'.repeat(64))).toBeUndefined();
  expect((await storage.list('receipts', { prefix: 'audit/evidence/', limit: 1_000 })).length).toBeLessThanOrEqual(8);
  await clock.advance(46 * 24 * 60 * minuteMs);
  kept().keep({ audit: 'f'.repeat(64), worker: worker.signer.peer, frame });
  await clock.advance(1_000);
  expect(await kept().read(last)).toBeUndefined();
});
