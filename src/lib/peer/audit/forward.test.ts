import { expect, test } from 'vitest';
import { auditTopic } from '#lib/protocol/topics.ts';
import { encodeEnvelope, signEnvelope } from '#lib/protocol/envelope.ts';
import { limits } from '#lib/protocol/limits.ts';
import { signAuditRecord } from '#lib/trust/audit-records.ts';
import { createTown, signerOf } from '../town.fixture.ts';
import { validateAudits } from './heard.ts';

const signer = signerOf(9);
const appeal = { audit: 'a'.repeat(64), worker: signer.peer, appealedAt: 1 };
const good = encodeEnvelope(signAuditRecord('appeal', appeal, signer));
const route = { source: signer.peer, connected: true };

test('records of audits pass; what is none, forged, not to be gossiped or too large is rejected, too many are dropped', () => {
  const town = createTown();
  const validate = validateAudits(town.clock);
  expect(validate(good, signer.peer, route)).toBe('accept');
  const release = { jobId: '0'.repeat(32), receipt: 'b'.repeat(64), asker: signer.peer, releasedAt: 1 };
  for (const bad of [
    new Uint8Array(8),
    encodeEnvelope(signAuditRecord('release', release, signer)),
    encodeEnvelope(signEnvelope('appeal', appeal, signerOf(8))),
    new Uint8Array(limits.gossipBytesMax + 1),
  ])
    expect(validate(bad, signer.peer, route)).toBe('reject');
  const results = Array.from({ length: 600 }, () => validate(good, signer.peer, route));
  // The votes of a validator that sits in all panels of a busy minute pass.
  expect(results.findIndex((one) => one === 'ignore')).toBeGreaterThan(360);
  expect(validate(good, signerOf(7).peer, route)).toBe('accept');
});

test('a relay forwards them, and stops when it does', async () => {
  const town = createTown();
  const relay = await town.relay(1);
  const heard: string[] = [];
  const listener = await town.net(2);
  listener.subscribe(auditTopic, { validate: () => 'accept', deliver: (_message, from) => heard.push(from) });
  const speaker = await town.net(9);
  await speaker.publish(auditTopic, good);
  await town.clock.advance(1_000);
  expect(heard).toEqual([speaker.self]);
  await relay.stop();
});
