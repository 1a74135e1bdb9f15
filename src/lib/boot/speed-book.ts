import { z } from 'zod';
import type { KeyValue } from '#lib/storage/spec.ts';

/** How fast models were on this device, as benchmarks found. Another browser version, GPU or build of Tabloom is another device. */
export interface SpeedBook {
  /** Tokens a second of this artefact; undefined if it was not measured here. */
  of(artefact: string): number | undefined;
  /** Remembers a benchmark that ran here. */
  note(artefact: string, decodeTps: number): Promise<void>;
  /** Where this tab runs: browser, GPU and build; what was measured elsewhere does not count. */
  setPlace(place: string): void;
}

const prefix = 'speed/';
const speedsMax = 128;
const speedSchema = z.object({ decodeTps: z.number().positive(), place: z.string().max(256) });

export async function keepSpeedBook(storage: Pick<KeyValue, 'list' | 'put'>): Promise<SpeedBook> {
  const known = new Map<string, z.output<typeof speedSchema>>();
  const stored = await storage.list('measurements', { prefix, limit: speedsMax }).catch(() => []);
  for (const { key, value } of stored) {
    const parsed = speedSchema.safeParse(value);
    if (parsed.success) known.set(key.slice(prefix.length), parsed.data);
  }
  let here = '';

  return {
    of(artefact) {
      const speed = known.get(artefact);
      return speed?.place === here ? speed.decodeTps : undefined;
    },
    async note(artefact, decodeTps) {
      if (decodeTps <= 0 || (known.size >= speedsMax && !known.has(artefact))) return;
      const speed = { decodeTps, place: here };
      known.set(artefact, speed);
      await storage.put('measurements', prefix + artefact, speed).catch(() => undefined);
    },
    setPlace(place) {
      here = place.slice(0, 256);
    },
  };
}
