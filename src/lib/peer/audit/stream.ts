import type { AbortOptions } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, toErrorRecord } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Startable } from '#lib/base/startable.ts';
import { startDeadline } from '#lib/base/timeout.ts';
import type { Net } from '#lib/net/spec.ts';
import {
  auditProtocol,
  decodeAuditFrame,
  decodeAuditRequest,
  encodeAuditFrame,
  encodeAuditRequest,
  type AuditFrame,
  type AuditRequest,
} from '#lib/protocol/audit-frame.ts';
import { wireError } from '#lib/protocol/errors.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import { createChannelPermits } from '../serve/channel-permits.ts';

export type AskAudit = (
  peer: PeerId,
  request: AuditRequest,
  options?: AbortOptions,
) => Promise<readonly Exclude<AuditFrame, { t: 'refused' }>[]>;

const answersMax = 2 * limits.auditOpeningsMax;
const permitLimits = { servedMax: 64, refusedMax: 0 } as const;
/** One, and one that is ending: whoever asked may hear of the end first, and ask the next. */
const perPeerMax = 2;

/** One request and its answers. @throws what it was refused with, `peer-lost`, `bad-frame`, those of the net. */
export const createAskAudit =
  ({ net, clock }: { readonly net: Net; readonly clock: Clock }): AskAudit =>
  async (peer, request, options = {}) => {
    const { signal, clear } = startDeadline(clock, limits.auditAnswerMs, options);
    try {
      const channel = await net.open(peer, auditProtocol, { signal });
      const onAbort = () => channel.abort(wireError('peer-lost'));
      signal.addEventListener('abort', onAbort, { once: true });
      try {
        await channel.send(encodeAuditRequest(request), { signal });
        await channel.close();
        const answers: Exclude<AuditFrame, { t: 'refused' }>[] = [];
        for await (const body of channel) {
          const frame = decodeAuditFrame(body);
          if (frame.t === 'unknown') continue;
          if (frame.t === 'refused') throw wireError('refused-policy', frame.message);
          if (answers.push(frame) > answersMax) throw wireError('bad-frame');
        }
        return answers;
      } catch (error) {
        channel.abort(wireError('peer-lost'));
        throw error;
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    } finally {
      clear();
    }
  };

export interface AuditDoorComponents {
  readonly net: Net;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is shown to this peer. Throws a coded error where nothing is. */
  readonly answer: (request: AuditRequest, remote: PeerId) => Promise<readonly AuditFrame[]>;
}

/** Answers what others ask for an audit: few at once, two of each peer. */
export function createAuditDoor({ net, clock, logger, answer }: AuditDoorComponents): Startable {
  const permits = createChannelPermits(permitLimits);
  let lifetime: AbortController | undefined;
  let endHandling: (() => void) | undefined;
  return {
    async start() {
      if (lifetime) return;
      lifetime = new AbortController();
      endHandling = net.handle(auditProtocol, async (channel) => {
        const permit = permits.take(channel.remote, perPeerMax);
        if (!lifetime || permit.type !== 'serve') return channel.abort(wireError('busy'));
        const { signal, clear } = startDeadline(clock, limits.auditAnswerMs, { signal: lifetime.signal });
        const onAbort = () => channel.abort(wireError('busy'));
        signal.addEventListener('abort', onAbort, { once: true });
        try {
          const first = await channel[Symbol.asyncIterator]().next();
          if (first.done) throw wireError('bad-frame');
          const request = decodeAuditRequest(first.value);
          if (request.t === 'unknown') throw wireError('version');
          for (const frame of await answersTo(request, channel.remote)) {
            await channel.send(encodeAuditFrame(frame), { signal });
          }
          await channel.close();
        } catch (error) {
          logger.info('audit-not-answered', { code: errorCode(error) });
          channel.abort(wireError('bad-frame'));
        } finally {
          signal.removeEventListener('abort', onAbort);
          clear();
          permit.release();
        }
      });
    },
    async stop() {
      endHandling?.();
      lifetime?.abort();
      endHandling = lifetime = undefined;
    },
  };

  async function answersTo(request: AuditRequest, remote: PeerId): Promise<readonly AuditFrame[]> {
    try {
      return await answer(request, remote);
    } catch (error) {
      const { code, message } = toErrorRecord(error);
      return [{ t: 'refused', code, message }];
    }
  }
}
