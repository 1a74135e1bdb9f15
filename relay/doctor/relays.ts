import { limits } from '#lib/protocol/limits.ts';
import { protocolVersion } from '#lib/protocol/version.ts';
import { causeOf, fail, ok, warn, type Check, type Outcome } from './finding.ts';
import { readJson, type Fetch } from '#lib/base/read-json.ts';
import { relayInfoOf } from './relay-answers.ts';

export interface RelayInput {
  /** As its pages are reached, over http. */
  readonly url: URL;
  readonly fetch: Fetch;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A relay of `RELAYS`: whether it answers over http and over WebSocket, speaks this version, and what its clock says. */
export const checkRelay = ({ url, fetch, now }: RelayInput): Check => ({
  id: `relay ${url.host}`,
  async run(signal) {
    const sentMs = now();
    let answer: Awaited<ReturnType<typeof readJson>>;
    try {
      answer = await readJson(fetch, new URL('relay.json', url), signal);
    } catch (error) {
      if (signal.aborted) throw error;
      if (error instanceof SyntaxError) return notOne(url);
      return fail(`${url.origin} does not answer (${causeOf(error)}).`, 'Correct RELAYS, or ask who runs it.');
    }
    const info = relayInfoOf(answer.json);
    if (!info) return notOne(url);
    if (info.protocol !== protocolVersion) {
      const mend = info.protocol > protocolVersion ? 'Update this program.' : 'Ask who runs it to update.';
      return fail(
        `${url.origin} speaks version ${info.protocol} of the protocol, this program ${protocolVersion}.`,
        mend,
      );
    }
    const refused = await openWebSocket(url, signal);
    if (refused) {
      return fail(
        `${url.origin} answers over http and refuses a WebSocket.`,
        'Its proxy has to let WebSocket upgrades through.',
      );
    }
    return clockOf(url, answer.dateMs, sentMs, now()) ?? ok(`${url.origin} answers over http and WebSocket.`);
  },
});

const notOne = (url: URL) => fail(`${url.origin} is no relay.`, 'Correct RELAYS.');

/** `Date` has whole seconds, and may be from any moment of the request. */
function clockOf(url: URL, dateMs: number | undefined, sentMs: number, receivedMs: number): Outcome | undefined {
  if (dateMs === undefined) return undefined;
  const aheadMs = sentMs - (dateMs + 1_000);
  const behindMs = dateMs - receivedMs;
  const offMs = Math.max(aheadMs, behindMs);
  if (offMs < limits.offerClockSkewMs / 2) return undefined;
  const what = `This machine's clock is ${Math.round(offMs / 1_000)} s ${aheadMs > behindMs ? 'ahead of' : 'behind'} that of ${url.origin}.`;
  const mend = 'Turn on time synchronisation (NTP).';
  return offMs < limits.offerClockSkewMs ? warn(what, mend) : fail(`${what} Its offers are refused.`, mend);
}

/** Resolves to true when it is refused. */
const openWebSocket = (url: URL, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = new WebSocket(url.href.replace(/^http/, 'ws'));
    const end = (refused: boolean) => {
      signal.removeEventListener('abort', onAbort);
      socket.close();
      resolve(refused);
    };
    const onAbort = () => end(true);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.addEventListener('open', () => end(false), { once: true });
    socket.addEventListener('error', () => end(true), { once: true });
  });
