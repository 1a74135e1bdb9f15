import { describe, expect, test } from 'vitest';
import { workerFixture } from './protocol.fixture.ts';
import { isPublicRelay, relayAuditsSchema, relayPaymentsSchema } from './relay-info.ts';

const { peer } = workerFixture;

describe('a relay that another one names', () => {
  test.each([
    '/dns4/relay.example/tcp/443/wss',
    '/dns6/a.b-c.example/tcp/8443/wss',
    '/dns/xn--bcher-kva.example/tcp/443/wss',
  ])('%s may be dialled', (address) => expect(isPublicRelay(`${address}/p2p/${peer}`)).toBe(true));
  test.each([
    '/dns4/relay.example/tcp/80/ws',
    '/dns4/localhost/tcp/443/wss',
    '/dns4/relay.localhost/tcp/443/wss',
    '/dns4/printer.local/tcp/443/wss',
    '/dns4/router.lan/tcp/443/wss',
    '/dns4/nas.home.arpa/tcp/443/wss',
    '/dns4/Printer.Local/tcp/443/wss',
    '/dns4/127.0.0.1/tcp/443/wss',
    '/dns4/0x7f.1/tcp/443/wss',
    '/ip4/192.168.1.1/tcp/443/wss',
    '/ip4/198.51.100.1/tcp/443/wss',
    '/ip6/::1/tcp/443/wss',
    '/dnsaddr/relay.example',
    '',
  ])('%s may not', (address) => expect(isPublicRelay(`${address}/p2p/${peer}`)).toBe(false));
  test.each([
    '/dns4/relay.example/tcp/443/wss',
    '/dns4/relay.example/tcp/443/wss/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    `/dns4/relay.example/tcp/443/wss/p2p/${peer}/p2p-circuit/p2p/${peer}`,
  ])('nor may %s', (address) => expect(isPublicRelay(address)).toBe(false));
});

describe('the payments of a relay', () => {
  const whole = { chain: 31337, rpc: '/pay/rpc', faucet: '/pay/faucet', sponsor: '/pay/sponsor' };
  test.each([whole, { chain: 8453, rpc: 'https://rpc.example/v2/key' }, { chain: 1, rpc: 'http://127.0.0.1:8545' }])(
    '%j are read',
    (payments) => expect(relayPaymentsSchema.parse(payments)).toEqual(payments),
  );
  test.each([
    { chain: 0 },
    { chain: 1.5 },
    { rpc: '//other.example/rpc' },
    { rpc: 'javascript:alert(1)' },
    { rpc: 'pay/rpc' },
    { faucet: 'https://other.example/faucet' },
    { sponsor: '//other.example/sponsor' },
    { sponsor: '/pay/sponsor?to=other' },
  ])('%j are not', (wrong) => expect(relayPaymentsSchema.safeParse({ ...whole, ...wrong }).success).toBe(false));
});

describe('the audits of a relay', () => {
  const chain = { id: 'a'.repeat(64), publicKey: 'b'.repeat(192), genesis: 1, periodSeconds: 3 };
  const whole = { validators: [{ peer, engineClass: 'llama cpu' }], share: 20_000, beacons: ['https://api.drand.sh/'] };
  test.each([whole, { ...whole, chain }])('%j are read', (audits) =>
    expect(relayAuditsSchema.parse(audits)).toEqual(audits),
  );
  test.each([
    { validators: [] },
    { validators: [{ peer: 'nobody', engineClass: '' }] },
    { validators: Array(65).fill(whole.validators[0]) },
    { share: 1_000_001 },
    { beacons: [] },
    { beacons: ['javascript:alert(1)'] },
    { chain: { ...chain, periodSeconds: 0 } },
  ])('%j are not', (wrong) => expect(relayAuditsSchema.safeParse({ ...whole, ...wrong }).success).toBe(false));
});
