import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createAuditBook } from '#lib/peer/tiers/audits.ts';
import type { TierFinding } from '#lib/peer/tiers/check.ts';
import { keyTermsSchema, type ApiKey } from '../api-key.ts';
import { announce, ask, finished, gatewayFixture, part, accepted, worker, type Script } from './gateway.fixture.ts';

const checked: TierFinding = {
  bond: { chain: 31_337, provider: `0x${'11'.repeat(20)}`, amount: '2000', required: '1800', block: '7' },
  audits: { receipts: 200, audited: 50, margin: 0.02, validators: 4, convictions: 0 },
};
const audit = { bond: checked.bond, share_audited: 0.25, audited: 50, margin: 0.02, validators: 4 };

function checking(proven: { readonly peers: readonly string[] } = { peers: [worker.peer] }) {
  const prepared: number[] = [];
  return {
    prepared,
    tiers: ['verified'] as const,
    prepare: async (offers: readonly unknown[]) => void prepared.push(offers.length),
    finding: (peer: string) => (proven.peers.includes(peer) ? checked : undefined),
  };
}

/** Answers at the tier that was asked for, as the asker checked it. */
const answering: Script = async function* (request, _signal, clock) {
  for (const event of accepted(request, clock)) {
    const isChosen = event.type === 'worker-chosen' && request.tier !== 'open';
    yield isChosen ? { ...event, worker: { ...event.worker, tier: request.tier, checked } } : event;
  }
  yield part('Hello', clock);
  yield finished(request, ['Hello'], clock);
};

test.each([
  ['peer_tier', { peer_tier: 'verified' }, {}],
  ['tabloom.tier', { tabloom: { tier: 'verified' } }, {}],
  ['a header', {}, { 'x-tabloom-tier': 'verified' }],
  ['one of several, the strictest', { peer_tier: 'open', tabloom: { tier: 'verified' } }, { 'x-peer-tier': 'open' }],
])(
  'a tier that is checked here is asked for by %s, and the answer says what was checked',
  async (_door, more, headers) => {
    const { chat, asked } = gatewayFixture(answering, { tierCheck: checking() });
    const response = await chat(ask(more), headers);
    expect(response.status).toBe(200);
    expect(asked.map(({ tier }) => tier)).toEqual(['verified']);
    expect(response.headers.get('x-tabloom-tier')).toBe('verified');
    expect((await response.json()).tabloom).toMatchObject({ tier: 'verified', audit });
  },
);

test('another tier is still refused, and an answer of the open one says nothing of checks', async () => {
  const { chat, asked } = gatewayFixture(answering, { tierCheck: checking() });
  const refused = await chat(ask({ peer_tier: 'verified', tabloom: { tier: 'confidential' } }));
  expect([refused.status, asked.length]).toEqual([400, 0]);
  expect((await refused.json()).error).toMatchObject({ code: 'tier_unavailable', param: 'tabloom.tier' });
  expect((await (await chat(ask())).json()).tabloom).not.toHaveProperty('audit');
});

test('the network shows tiers as they were checked, and has those looked up that it does not know', async () => {
  const clock = manualClock();
  const proven = { peers: [] as string[] };
  const tierCheck = checking(proven);
  const { request, directory } = gatewayFixture(answering, { clock, tierCheck });
  announce(directory, clock, [{}]);
  const worker7 = async () => (await (await request('/v1/network')).json()).workers[0];
  expect(await worker7()).toMatchObject({ tiers: ['open'] });
  expect(await worker7()).not.toHaveProperty('audit');
  expect(tierCheck.prepared).toEqual([1, 1]);
  proven.peers = [worker.peer];
  expect(await worker7()).toMatchObject({ tiers: ['open', 'verified'], audit });
});

test('a receipt comes with what is known of its worker, unless it is of the open tier', async () => {
  const receiptOf = (tier: 'open' | 'verified') => {
    const input = { messages: [{ role: 'user' as const, content: 'hello' }] };
    const event = finished({ id: 'a'.repeat(32), kind: 'chat', input, params: { maxTokens: 1 }, model: 'any', tier }, [
      'x',
    ]);
    return event.type === 'job-finished' ? event.receipt : expect.unreachable();
  };
  const find = async () => [receiptOf('open'), receiptOf('verified')];
  const { request } = gatewayFixture(answering, { tierCheck: checking(), receipts: { find } });
  const { data } = await (await request(`/v1/receipts/${'a'.repeat(32)}`)).json();
  expect(data.map((one: { readonly audit?: object }) => one.audit)).toEqual([undefined, audit]);
});

test('what was counted of audits is told as it was counted, convictions first, and that no record is kept where none is', async () => {
  const audits = createAuditBook();
  audits.note(worker.peer, checked.audits);
  const convict = { receipts: 9, audited: 3, validators: 7, convictions: 1 };
  audits.note('12D3KooWConvict1111111111111111111111111111111111111', convict);
  const told = async (over: object) => (await gatewayFixture(answering, over).request('/v1/audits')).json();
  const judge = '12D3KooWJudge11111111111111111111111111111111111111';
  const judges = () => [[judge, { seats: 9, faults: { copied: 3 } }] as const];
  const kernel = { engine: 'llama', build: '1', deviceClass: 'native-cpu' };
  const margins = { tokens: 20_000, mean: 0, sd: 0.001, max: 0.05 };
  const row = { artefact: 'a'.repeat(64), worker: kernel, validator: kernel, ...margins };
  const calibrations = { published: [row], learned: () => [] };
  const nothing = { judges: [], calibrations: [], learned: [] };
  expect(await told({ audits, judges, calibrations })).toEqual({
    object: 'list',
    followed: true,
    data: [
      { peer: expect.stringMatching(/Convict/), ...convict },
      { peer: worker.peer, ...checked.audits },
    ],
    judges: [{ peer: judge, seats: 9, faults: { copied: 3 }, fit: false }],
    calibrations: [row],
    learned: [],
  });
  expect(await told({})).toEqual({ object: 'list', followed: false, data: [], ...nothing });
});

test('an answer is released for checking by its caller alone, where somebody checks, and not in the name of visitors', async () => {
  const { chat, asked } = gatewayFixture(answering, { audits: createAuditBook() });
  for (const tabloom of [{}, { release: false }, { release: null }, { release: true }])
    expect((await chat(ask({ tabloom }))).status).toBe(200);
  expect(asked.map(({ release }) => release)).toEqual([undefined, undefined, undefined, true]);
  const nobody = await gatewayFixture(answering).chat(ask({ tabloom: { release: true } }));
  expect([nobody.status, (await nobody.json()).error.param]).toEqual([400, 'tabloom.release']);
  expect((await chat(ask({ tabloom: { release: 'yes' } }))).status).toBe(400);
  const page = 'https://shop.example';
  const terms = { type: 'publishable', origins: [page], caps: { requestsPerDay: 10 } };
  const key: ApiKey = {
    ...keyTermsSchema.parse(terms),
    id: 'f'.repeat(16),
    owner: undefined,
    createdAt: 0,
    revokedAt: undefined,
  };
  const keys = { find: async () => key, hasOrigin: async () => true };
  const ofPage = gatewayFixture(answering, { audits: createAuditBook(), keys });
  const headers = { authorization: `Bearer pk_${'a'.repeat(43)}`, origin: page };
  expect((await ofPage.chat(ask(), headers)).status).toBe(200);
  const visitor = await ofPage.chat(ask({ tabloom: { release: true } }), headers);
  expect([visitor.status, (await visitor.json()).error.param]).toEqual([400, 'tabloom.release']);
});

test('a receipt says how far the checking of its answer has come', async () => {
  const input = { messages: [{ role: 'user' as const, content: 'hello' }] };
  const request = {
    id: 'a'.repeat(32),
    kind: 'chat',
    input,
    params: { maxTokens: 1 },
    model: 'any',
    tier: 'open',
  } as const;
  const event = finished(request, ['x']);
  const find = async () => (event.type === 'job-finished' ? [event.receipt] : []);
  const shown = async (auditProgress: (receipt: string) => object | undefined) => {
    const fixture = gatewayFixture(answering, { receipts: { find }, auditProgress: auditProgress as never });
    return (await (await fixture.request(`/v1/receipts/${'a'.repeat(32)}`)).json()).data[0].released;
  };
  expect(await shown(() => undefined)).toBeUndefined();
  const settled = { phase: 'settled', outcome: 'passed' };
  expect(await shown((receipt) => (receipt.length === 64 ? settled : undefined))).toEqual(settled);
});

test('what is levied is told where jobs cost anything, and the jobs of the verified tier are held as levied', async () => {
  const held: unknown[] = [];
  const metering = { hold: async (hold: object) => void held.push(hold), close: async () => undefined };
  const levy = { share: 0.02, balance: '1.5', subsidised_today: '0', subsidy_max: '10' };
  const over = { levy: async () => levy, tierCheck: checking(), metering };
  const { chat, request } = gatewayFixture(answering, over);
  expect(await (await request('/v1/audits')).json()).toMatchObject({ levy });
  expect(await (await gatewayFixture(answering).request('/v1/audits')).json()).not.toHaveProperty('levy');
  for (const peer_tier of ['open', 'verified']) await chat(ask({ peer_tier }));
  expect(held).toMatchObject([{ isLevied: false }, { isLevied: true }]);
});
