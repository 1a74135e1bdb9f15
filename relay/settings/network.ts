import { z } from 'zod';
import type { Settings } from './setting.ts';
import { list, port, relayUrl } from './values.ts';

/** Relays that a command may be given. */
const relaysMax = 16;

const relays = {
  meaning:
    'Relays, at most 16, separated by commas: `wss://relay.example`, `ws://localhost:8080`, or the http address of their pages. `provide` joins them and needs at least one; a relay shares its offers with them.',
} as const;

export const otherRelays = {
  RELAYS: {
    ...relays,
    schema: list.pipe(z.array(relayUrl).max(relaysMax)).default([]),
    flag: { name: 'relays', argument: 'urls', help: 'other relays to share offers with, by commas' },
  },
} as const satisfies Settings;

export const joinedRelays = {
  RELAYS: {
    ...relays,
    schema: z
      .string({ error: 'name at least one relay, as in --relays ws://localhost:8080' })
      .pipe(list)
      .pipe(z.array(relayUrl).min(1).max(relaysMax)),
    flag: { name: 'relays', argument: 'urls', help: 'relays to join, such as wss://relay.example, by commas' },
  },
} as const satisfies Settings;

export const directSettings = {
  DIRECT_PORT: {
    schema: port.optional(),
    meaning:
      "A UDP port on which peers reach this one by WebRTC without a relay's help. For machines with a public address; it must be open in their firewall.",
    flag: { name: 'direct-port', argument: 'number', help: 'a UDP port for WebRTC without a relay' },
  },
} as const satisfies Settings;
