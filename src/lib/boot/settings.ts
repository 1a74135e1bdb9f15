import { z } from 'zod';
import { TabloomError } from '#lib/base/errors.ts';
import { limits } from '#lib/protocol/limits.ts';
import { nicknameSchema } from '#lib/protocol/offer.ts';
import { priceSchema, unitsSchema } from '#lib/protocol/price.ts';
import type { Settings } from '#lib/state/settings.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { createLive, type MutableLive } from '#lib/base/live.ts';
import { chatOptionsSchema } from './history.ts';
import { isRelayAddress } from './relay-source.ts';

const textList = z.array(z.string().min(1).max(512)).max(16);

const minute = z.number().int().min(0).max(1_439);
const scheduleSchema = z.object({
  fromMinute: minute,
  untilMinute: minute,
  days: z.array(z.number().int().min(0).max(6)).max(7),
});

const bytesMax = z.number().int().min(0).max(1e12).catch(0);

/** Settings in storage may be from an older build or damaged: each invalid member falls back to its default on its own. */
export const settingsSchema = z.object({
  name: z.string().max(40).catch(''),
  nickname: z.union([z.literal(''), nicknameSchema]).catch(''),
  privateMode: z.boolean().catch(false),
  relays: textList.catch([]),
  iceServers: textList.catch([]),
  answerTokensMax: z.number().int().min(16).max(8_192).catch(512),
  temperature: z.number().min(0).max(2).catch(0.7),
  consented: z.array(z.string().max(128)).max(256).catch([]),
  shared: z.array(z.string().max(128)).max(limits.offerModelsMax).catch([]),
  pauseOnBattery: z.boolean().catch(true),
  pauseOnMetered: z.boolean().catch(true),
  shareOnOpen: z.boolean().catch(false),
  keepScreenOn: z.boolean().catch(false),
  dutyMax: z.number().min(0.1).max(1).catch(1),
  hoursMax: z.number().min(0).max(168).catch(0),
  schedule: scheduleSchema.nullable().catch(null),
  onlyWhileAway: z.boolean().catch(false),
  memoryBytesMax: bytesMax,
  diskBytesMax: bytesMax,
  backgroundTone: z.boolean().catch(false),
  judgeAudits: z.boolean().catch(false),
  payAnswers: z.boolean().catch(false),
  payPerAnswer: unitsSchema.catch('10000'),
  payPerProvider: unitsSchema.catch('1000000'),
  payInChannels: unitsSchema.catch('5000000'),
  prices: z.record(z.string().max(128), priceSchema.extend({ full: priceSchema.optional() })).catch({}),
  speechService: z.boolean().catch(false),
  wishes: z
    .array(z.object({ model: z.string().min(1).max(128), until: z.number().int().nonnegative() }))
    .max(8)
    .catch([]),
  presets: z
    .array(z.object({ name: z.string().min(1).max(60), options: chatOptionsSchema }))
    .max(50)
    .catch([]),
  aboutYou: z.string().max(2_000).catch(''),
  followUps: z.boolean().catch(false),
  followUpsInPrivate: z.boolean().catch(false),
  prompts: z
    .array(z.object({ name: z.string().min(1).max(60), text: z.string().min(1).max(8_000) }))
    .max(200)
    .catch([]),
});

export interface SettingsKeeper {
  readonly view: MutableLive<Settings>;
  /**
   * @throws `bad-setting` naming what is wrong, and changes nothing; or what the storage throws, and the change holds until
   * the page is closed.
   */
  change(change: Partial<Settings>): Promise<void>;
}

const key = 'tab';

export async function keepSettings(storage: KeyValue): Promise<SettingsKeeper> {
  const stored = await storage.get('settings', key).catch(() => undefined);
  const view = createLive<Settings>(settingsSchema.parse(z.record(z.string(), z.unknown()).catch({}).parse(stored)));
  return {
    view,
    async change(change) {
      checkAddresses(change);
      const next = { ...view.current, ...change };
      const kept = settingsSchema.parse(next);
      for (const [name, value] of Object.entries(change)) {
        if (JSON.stringify(kept[name as keyof Settings]) !== JSON.stringify(value))
          throw new TabloomError('bad-setting', `"${name}" cannot have this value. Correct it.`);
      }
      view.set(kept);
      await storage.put('settings', key, kept);
    },
  };
}

/** An invalid address is an error: one that is dropped silently is noticed only when nothing works. */
function checkAddresses({ relays, iceServers }: Partial<Settings>): void {
  const relay = relays?.find((text) => !isRelayAddress(text));
  if (relay !== undefined)
    throw wrong(
      relay,
      'not the address of a relay',
      'https://relay.example.org or /dns4/relay.example.org/tcp/443/wss/p2p/…',
    );
  const server = iceServers?.find((text) => !toIceServer(text));
  if (server !== undefined)
    throw wrong(server, 'not a STUN or TURN server', 'stun:stun.example.org:3478 or turn:user:secret@turn.example.org');
}

const wrong = (text: string, what: string, form: string) =>
  new TabloomError('bad-setting', `"${text.slice(0, 80)}" is ${what}. Write it like ${form}.`);

const iceForm = /^(stuns?|turns?):(?:([^:@]+):([^@]+)@)?([^@\s]+)$/;

/** `stun:host:port` and `turn:user:secret@host:port` in the browser's form; anything else is left out. */
export const toIceServers = (texts: readonly string[]): readonly RTCIceServer[] =>
  texts.flatMap((text) => toIceServer(text) ?? []);

/** Undefined if the text is not such an address. */
export function toIceServer(text: string): RTCIceServer | undefined {
  const match = iceForm.exec(text.trim());
  if (!match) return undefined;
  const [, scheme, username, credential, host] = match;
  const urls = `${scheme}:${host}`;
  if (scheme!.startsWith('stun')) return { urls };
  return username && credential ? { urls, username, credential } : undefined;
}
