import type { Clock } from '#lib/base/clock.ts';
import type { Net, Subscription } from '#lib/net/spec.ts';
import { auditTopic } from '#lib/protocol/topics.ts';
import { decodeEnvelope } from '#lib/protocol/envelope.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { openAuditRecord, type OpenedAuditRecord } from '#lib/trust/audit-records.ts';
import { openEpoch, type OpenedEpoch } from '#lib/trust/epoch.ts';

/** Records of one publisher a minute: of 256 trials at once, one of seven validators sits in some 180 on an appeal, with two records each. */
const recordsPerMinuteMax = 480;
const publishersMax = 4_096;

/** Peers of an audit are connected to relays, and hear each other through them. */
export const forwardAudits = (net: Pick<Net, 'subscribe'>, clock: Pick<Clock, 'now'>): (() => void) =>
  net.subscribe(auditTopic, { validate: validateAudits(clock), deliver: () => undefined });

/** What passes on the topic. */
export function validateAudits(clock: Pick<Clock, 'now'>): Subscription['validate'] {
  const rates = createRates(clock);
  return (message, from) => {
    if (message.length > limits.gossipBytesMax) return 'reject';
    if (!rates.allows(from)) return 'ignore';
    return readHeard(message) ? 'accept' : 'reject';
  };
}

export type Heard = { readonly epoch: OpenedEpoch } | { readonly opened: OpenedAuditRecord } | undefined;

/** A message is validated before it is delivered; its signature costs enough to be checked once. */
const known = new WeakMap<Uint8Array, { readonly heard: Heard }>();

export function readHeard(message: Uint8Array): Heard {
  const before = known.get(message);
  if (before) return before.heard;
  const heard = open(message);
  known.set(message, { heard });
  return heard;
}

/** Undefined where it is no record of an audit, or not signed by whom it names. */
function open(message: Uint8Array): Heard {
  try {
    const envelope = decodeEnvelope(message);
    if (envelope.type === 'epoch') return { epoch: openEpoch(envelope) };
    const opened = openAuditRecord(envelope);
    return opened.type === 'release' ? undefined : { opened };
  } catch {
    return undefined;
  }
}

/** Counts records by who published them, a minute at a time. */
function createRates(clock: Pick<Clock, 'now'>) {
  const counts = new Map<PeerId, number>();
  let minute = 0;
  return {
    allows(from: PeerId): boolean {
      const now = Math.floor(clock.now() / 60_000);
      if (now !== minute || counts.size >= publishersMax) {
        counts.clear();
        minute = now;
      }
      const count = (counts.get(from) ?? 0) + 1;
      counts.set(from, count);
      return count <= recordsPerMinuteMax;
    },
  };
}
