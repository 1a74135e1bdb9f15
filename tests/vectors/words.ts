import { toHex } from '#lib/base/bytes.ts';
import { encodeCbor } from '#lib/protocol/cbor.ts';
import { signEnvelope } from '#lib/protocol/envelope.ts';
import { findProtocol } from '#lib/protocol/find.ts';
import { jobProtocol } from '#lib/protocol/frame.ts';
import { envelopes, job, offer, worker } from './records.ts';

/**
 * What a newer peer may send, and how this version reads it: `skip` it, refuse it with `version`, or `read` it to this
 * value without unknown members.
 */
export interface WordRow {
  readonly name: string;
  readonly protocol: string;
  readonly sender: 'asker' | 'worker' | 'relay';
  readonly frame: unknown;
  readonly reading: 'skip' | 'version' | 'read';
  readonly value?: unknown;
}

const open = (change: object) => ({ t: 'open', job: { ...job, ...change } });
const asker = { protocol: jobProtocol, sender: 'asker' } as const;
const fromWorker = { protocol: jobProtocol, sender: 'worker' } as const;
const message = { role: 'user', content: 'Hi' };
const text = { type: 'text-delta', text: 'Hi', tokens: 1 };

export const wordRows: readonly WordRow[] = [
  { ...asker, name: 'a frame of another type', frame: { t: 'steer', towards: 'brevity' }, reading: 'skip' },
  { ...asker, name: 'a frame that must be understood', frame: { t: 'steer', must: ['steering'] }, reading: 'version' },
  { ...asker, name: 'a kind', frame: open({ kind: 'video', input: { scene: 1 } }), reading: 'version' },
  { ...asker, name: 'a job that must be understood', frame: open({ must: ['sealed'] }), reading: 'version' },
  {
    ...asker,
    name: 'a member of the input',
    frame: open({ input: { messages: [message], documents: [] } }),
    reading: 'version',
  },
  {
    ...asker,
    name: 'a member of a message',
    frame: open({ input: { messages: [{ ...message, cache: true }] } }),
    reading: 'version',
  },
  {
    ...asker,
    name: 'a type of content',
    frame: open({ input: { messages: [{ role: 'user', content: [{ type: 'video', url: 'x' }] }] } }),
    reading: 'version',
  },
  {
    ...asker,
    name: 'a role in the conversation',
    frame: open({ input: { messages: [{ ...message, role: 'critic' }] } }),
    reading: 'version',
  },
  {
    ...asker,
    name: 'a member of the params',
    frame: open({ params: { ...job.params, dryMultiplier: 1 } }),
    reading: 'version',
  },
  {
    ...asker,
    name: 'a response format',
    frame: open({ params: { ...job.params, responseFormat: { type: 'grammar', gbnf: 'root ::= "a"' } } }),
    reading: 'version',
  },
  { ...asker, name: 'a member of the job', frame: open({ colour: 'red' }), reading: 'read', value: { t: 'open', job } },
  {
    ...asker,
    name: 'a tier',
    frame: open({ tier: 'audited' }),
    reading: 'read',
    value: { t: 'open', job: { ...job, tier: 'audited' } },
  },
  { ...fromWorker, name: 'a frame of another type', frame: { t: 'gossip', about: 'weather' }, reading: 'skip' },
  { ...fromWorker, name: 'a part of another type', frame: { t: 'part', part: { type: 'scent' } }, reading: 'skip' },
  {
    ...fromWorker,
    name: 'a part that must be understood',
    frame: { t: 'part', part: text, must: ['sealed'] },
    reading: 'version',
  },
  {
    ...fromWorker,
    name: 'members of a part',
    frame: { t: 'part', part: { ...text, mood: 'fine' }, at: 1 },
    reading: 'read',
    value: { t: 'part', part: text },
  },
  {
    ...fromWorker,
    name: 'a phase',
    frame: { t: 'alive', phase: 'dreaming' },
    reading: 'read',
    value: { t: 'alive', phase: 'dreaming' },
  },
  {
    ...fromWorker,
    name: 'a reason to finish',
    frame: {
      t: 'finish',
      reason: 'bored',
      usage: { tokensIn: 21, tokensOut: 5, watts: 3 },
      receipt: envelopes.receipt,
    },
    reading: 'read',
    value: {
      t: 'finish',
      reason: 'bored',
      usage: { tokensIn: 21, tokensOut: 5 },
      receipt: envelopes.receipt,
    },
  },
  {
    ...fromWorker,
    name: 'an error’s code',
    frame: { t: 'error', code: 'out-of-wishes', message: 'No.' },
    reading: 'read',
    value: { t: 'error', code: 'out-of-wishes', message: 'No.' },
  },
  { protocol: findProtocol, sender: 'relay', name: 'a frame of another type', frame: { t: 'map' }, reading: 'skip' },
];

export const wordVectors = () => wordRows.map(({ frame, ...row }) => ({ ...row, body: toHex(encodeCbor(frame)) }));

/** A newer peer's offer, as signed and as read by this version. */
export const newerOffer = {
  signed: signEnvelope(
    'offer',
    {
      ...offer,
      seq: offer.seq + 2,
      role: 'swarm',
      engine: { ...offer.engine, name: 'photon', watts: 3 },
      models: [
        { ...offer.models[0]!, kinds: ['chat', 'video'], features: ['tools', 'smell'], licence: 'MIT' },
        { artefact: offer.models[0]!.artefact, name: 'of another shape', modalities: ['scent'] },
        { ...offer.models[0]!, name: 'a\u202ename' },
      ],
      tiers: ['open', 'audited'],
      policy: ['adult', 'riddles'],
      must: ['sealed'],
      mood: 'fine',
    },
    worker,
  ),
  read: {
    ...offer,
    seq: offer.seq + 2,
    role: 'swarm',
    engine: { ...offer.engine, name: 'photon' },
    models: [{ ...offer.models[0]!, kinds: ['chat', 'video'], features: ['tools', 'smell'] }],
    tiers: ['open', 'audited'],
    policy: ['adult', 'riddles'],
    must: ['sealed'],
  },
};

/** Examples for the rule on names. */
export const names = {
  accepted: [
    'a',
    'tabloom-demo',
    'Llama 3.2 1B (Q4_K_M)@aBcD1234',
    'n'.repeat(128),
    'Grüß Gott',
    '模型',
    'نموذج',
    'मॉडल',
    '🦊🦊',
    'I ❤\ufe0f it',
    '🇦🇹',
  ],
  refused: [
    { name: '', because: 'nothing' },
    { name: 'n'.repeat(129), because: '129 code units' },
    { name: '🦊'.repeat(65), because: '130 code units' },
    { name: 'e\u0301', because: 'not NFC' },
    { name: ' a', because: 'a space before' },
    { name: 'a ', because: 'a space after' },
    { name: 'a\u00a0b', because: 'a space that is none' },
    { name: 'a\u202eb', because: 'a bidi override' },
    { name: 'a\u2066b', because: 'a bidi isolate' },
    { name: 'a\u200fb', because: 'a mark of direction' },
    { name: 'a\u200bb', because: 'a space of zero width' },
    { name: 'a\u200db', because: 'a joiner' },
    { name: '\ufeffa', because: 'a byte order mark' },
    { name: 'a\u00adb', because: 'a soft hyphen' },
    { name: 'a\u0000b', because: 'NUL' },
    { name: 'a\r\nb', because: 'a line break' },
    { name: 'a\u2028b', because: 'a line separator' },
    { name: 'a\u001b[31mb', because: 'an escape' },
    { name: 'a\u009bb', because: 'a control of eight bits' },
    { name: 'a\tb', because: 'a tab' },
    { name: 'a\ufe0fb', because: 'a variation of a letter' },
    { name: 'a\u3164b', because: 'a filler' },
    { name: 'a\u2800b', because: 'a blank pattern' },
    { name: 'a\ue000b', because: 'private use' },
    { name: 'a\u0378b', because: 'unassigned' },
  ],
} as const;
