import { expect, test } from 'vitest';
import { seededRandom } from '#lib/base/random.ts';
import { signWithdrawal } from './actions/announce-withdrawal.ts';
import { signSettleOrder } from './actions/settle-for.ts';
import { signAuthorization } from './deposit.ts';
import { addressOfKey, startSeconds, testChain, testTerms, walletOf } from './pay.fixture.ts';
import { createSponsorClient } from './sponsor-client.ts';
import { readSponsorRequest, writeSponsored, writeSponsorRequest, type SponsorRequest } from './sponsor-wire.ts';
import { channelIdOf } from './terms.ts';

const chain = testChain();
const url = new URL('https://relay.example/pay/sponsor');
const sponsorship = { sponsor: addressOfKey(6), fee: 200n };
const terms = testTerms(1);
const mined = { hash: `0x${'22'.repeat(32)}`, blockNumber: 101n, gasUsed: 5n, events: [] } as const;
const fees = { open: '1', 'top-up': '2', announce: '3', settle: '4', claim: '5' };
const quote = { chain: 31337, sponsor: addressOfKey(6).toLowerCase(), fees };

async function requests(): Promise<readonly SponsorRequest[]> {
  const deposit = await signAuthorization(
    { chain, wallet: walletOf(1), random: seededRandom(1) },
    {
      subject: channelIdOf(terms),
      to: chain.entry.contracts.channels,
      amount: 1_000n,
      validBefore: startSeconds + 600,
      sponsorship,
    },
  );
  const opening = { terms, amount: 1_000n, deposit };
  const signature = await signWithdrawal(chain, walletOf(1), terms, { sponsorship });
  const settlement = await signSettleOrder(chain, walletOf(3), {
    sponsorship,
    payeeMin: 7n,
    validBefore: startSeconds + 600,
  });
  return [
    { action: 'open', opening },
    { action: 'top-up', opening },
    { action: 'announce', withdrawal: { terms, sponsorship, signature } },
    { action: 'settle', settlement },
  ];
}

/** A relay that answers the same to everything. */
function client(status: number, body: unknown) {
  const asked: { readonly path: string; readonly body: unknown }[] = [];
  const fetch = (async (at: URL, init: RequestInit) => {
    asked.push({ path: at.pathname, body: init.body === undefined ? undefined : JSON.parse(String(init.body)) });
    return typeof body === 'string' ? new Response(body, { status }) : Response.json(body, { status });
  }) as typeof globalThis.fetch;
  return { ...createSponsorClient({ url, fetch, chain }), asked };
}

test('every request arrives as it was sent', async () => {
  for (const request of await requests()) {
    const sent = JSON.parse(JSON.stringify(writeSponsorRequest(request))) as unknown;
    expect(readSponsorRequest(sent)).toEqual(request);
    for (const member of Object.keys(sent as object)) {
      const { [member]: _, ...rest } = sent as Record<string, unknown>;
      expect(() => readSponsorRequest(rest)).toThrow(expect.objectContaining({ code: 'bad-sponsor-request' }));
    }
    expect(() => readSponsorRequest({ ...(sent as object), more: 1 })).toThrow();
  }
});

test('asks for its fees, and sends; what a transaction did is not believed from the relay', async () => {
  const one = client(200, quote);
  expect(await one.quote('announce')).toEqual({ sponsor: addressOfKey(6), fee: 3n });
  expect(await one.quoteClaims()).toEqual({ relay: addressOfKey(6), feePerClaim: 5n });
  const [open] = await requests();
  const sending = client(200, { ...writeSponsored(mined), events: [{ type: 'opened' }] });
  if (open?.action !== 'open') throw new Error('not an opening');
  expect(await sending.send('open', open.opening)).toEqual(mined);
  expect(sending.asked).toEqual([{ path: '/pay/sponsor', body: writeSponsorRequest(open) }]);
});

test.each<readonly [number, unknown, string]>([
  [422, { error: { code: 'fee_too_small', message: 'Ask again.' } }, 'fee-too-small'],
  [429, { error: { code: 'rate_limit_exceeded', message: 'Wait.' } }, 'relay-busy'],
  [503, { error: { code: 'relay_stopped', message: 'Tomorrow.' } }, 'relay-stopped'],
  [404, { error: { code: 'payments_unavailable', message: 'No.' } }, 'relay-unavailable'],
  [502, '<html>', 'relay-unavailable'],
  [200, { ...quote, fees: { ...fees, open: '-1' } }, 'relay-unavailable'],
  [200, ' '.repeat(100_000), 'relay-unavailable'],
  [200, { ...quote, chain: 1 }, 'wrong-chain'],
])('an answer %s %j is %s', async (status, body, code) => {
  await expect(client(status, body).quote('open')).rejects.toMatchObject({ code });
});

test('a caller that gives up is told so, and nothing else', async () => {
  const hanging = ((_: URL, { signal }: RequestInit) =>
    new Promise((_resolve, reject) => {
      signal!.addEventListener('abort', () => reject(signal!.reason as Error));
    })) as typeof globalThis.fetch;
  const one = createSponsorClient({ url, fetch: hanging, chain });
  const life = new AbortController();
  const asking = one.quote('open', { signal: life.signal });
  life.abort(new Error('given up'));
  await expect(asking).rejects.toThrow('given up');
});
