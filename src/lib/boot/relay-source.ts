import { raceSignal } from '#lib/base/abort.ts';
import { readBody } from '#lib/base/read-json.ts';
import { isPublicRelay, relayInfoSchema, type RelayAudits, type RelayPayments } from '#lib/protocol/relay-info.ts';
import { relayInfoBytesMax, type RelayAnswer } from './ask-relay.ts';

export interface RelaySourceComponents {
  readonly fetch: typeof globalThis.fetch;
  /** Of the page, which is served by its own relay. */
  readonly origin: string;
  /** Further relays: origins or multiaddrs. */
  readonly others: () => readonly string[];
  /** What the page's own relay has been asked already: taken for the first attempt. */
  readonly asked?: Promise<RelayAnswer | undefined> | undefined;
  /** Called with what the page's own relay says of payments, each time that it has answered. */
  readonly onPayments?: ((payments: RelayPayments | undefined) => void) | undefined;
  /** Called with what it says of audits, likewise. */
  readonly onAudits?: ((audits: RelayAudits | undefined) => void) | undefined;
}

const timeoutMs = 5_000;

/**
 * Multiaddrs of the relays to try: the page's own, those in the settings, then the public ones that these name. Fetched
 * again before each attempt, so that a relay that starts later, even under another key, is found. One that does not respond
 * keeps the address it had; one that has never responded is left out.
 */
export function createRelaySource(components: RelaySourceComponents): () => Promise<readonly string[]> {
  const { fetch, origin, others, onPayments, onAudits } = components;
  let { asked } = components;
  const known = new Map<string, string>();
  const learned = new Map<string, readonly string[]>();
  const takeAsked = async (): Promise<unknown> => {
    const first = asked;
    asked = undefined;
    return (await first)?.info;
  };
  const fetchInfo = async (base: string): Promise<unknown> => {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(new URL('/relay.json', base), { signal, cache: 'no-store', credentials: 'omit' });
    return response.ok ? raceSignal(readBody(response, relayInfoBytesMax), signal) : undefined;
  };
  const ask = async (base: string): Promise<string | undefined> => {
    const found = (base === origin ? await takeAsked() : undefined) ?? (await fetchInfo(base));
    if (found === undefined) return known.get(base);
    const info = relayInfoSchema.parse(found);
    const address = relayAddress(new URL(base), info.peer);
    known.set(base, address);
    learned.set(base, info.relays?.filter(isPublicRelay) ?? []);
    if (base === origin) onAudits?.(info.audits && withAbsolute(info.audits, base));
    if (base === origin) onPayments?.(info.payments && absolute(info.payments, base));
    return address;
  };
  return async () => {
    const named = [origin, ...others()];
    const found = await Promise.all(
      named.map((one) => (one.startsWith('/') ? one : ask(one).catch(() => known.get(one)))),
    );
    const more = named.flatMap((one) => learned.get(one) ?? []);
    return [...new Set([...found.filter((addr) => addr !== undefined), ...more])];
  };
}

/** What a relay names by paths on itself. */
function withAbsolute({ blocks, ...audits }: RelayAudits, base: string): RelayAudits {
  if (!blocks) return audits;
  return { ...audits, blocks: blocks.rpc === undefined ? blocks : { ...blocks, rpc: new URL(blocks.rpc, base).href } };
}

function absolute({ chain, rpc, faucet, sponsor }: RelayPayments, base: string): RelayPayments {
  const at = (path: string) => new URL(path, base).href;
  return { chain, rpc: at(rpc), faucet: faucet && at(faucet), sponsor: sponsor && at(sponsor) };
}

/** Whether a text is the address of a relay: the URL of its pages, or a multiaddr with its peer id. */
export function isRelayAddress(text: string): boolean {
  if (text.startsWith('/')) return /^\/(ip4|ip6|dns[46]?|dnsaddr)\/\S+\/p2p\/[1-9A-HJ-NP-Za-km-z]+$/.test(text);
  const url = URL.parse(text);
  return (url?.protocol === 'https:' || url?.protocol === 'http:') && url.username === '' && url.password === '';
}

/** The WebSocket address of a relay that serves HTTP at `base`. */
export function relayAddress({ protocol, hostname, port }: URL, peer: string): string {
  const secure = protocol === 'https:';
  const host = hostname.startsWith('[')
    ? `ip6/${hostname.slice(1, -1)}`
    : /^\d{1,3}(\.\d{1,3}){3}$/.test(hostname)
      ? `ip4/${hostname}`
      : `dns4/${hostname}`;
  return `/${host}/tcp/${port || (secure ? '443' : '80')}/${secure ? 'wss' : 'ws'}/p2p/${peer}`;
}
