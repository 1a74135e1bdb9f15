import { errorCode } from '#lib/base/errors.ts';
import { readDevice } from '#lib/engine/device.ts';
import { engineCases } from '../../compliance/engine.ts';
import { answerChecks, shortChecks } from './answer-checks.ts';
import type { PageCheck } from './check.ts';
import { fillStore, loadChecks } from './load-checks.ts';
import { loseDevice } from './lost.ts';
import { measureSpeed } from './speed.ts';
import { subjectOf, type Setup } from './subject.ts';

const contract: readonly PageCheck[] = engineCases.map(({ name, run }) => ({
  name: `contract: ${name}`,
  run: async (setup) => {
    await run(subjectOf(setup));
    return '';
  },
}));

const checks: readonly PageCheck[] = [...loadChecks, ...shortChecks, ...contract, ...answerChecks];
const short: readonly PageCheck[] = [loadChecks[0]!, ...shortChecks];

/** What the driver calls; every function returns plain data. */
const gpu = {
  async device() {
    const facts = await readDevice(navigator);
    const adapter = await navigator.gpu?.requestAdapter({ powerPreference: 'high-performance' });
    const { vendor = '', architecture = '', description = '' } = adapter?.info ?? {};
    return { ...facts, name: [vendor, architecture, description].filter((word) => word !== '').join(' ') };
  },
  list: (extent: 'all' | 'short') =>
    (extent === 'all' ? checks : short).map(({ name, network }) => ({ name, refused: network === 'refused' })),
  /** Puts the model into the store, for a check that has no network. */
  fill: (setup: Setup) => fillStore(setup),
  async run(name: string, setup: Setup): Promise<{ readonly code: string; readonly note: string }> {
    const check = checks.find((one) => one.name === name);
    if (!check) return { code: 'check-unknown', note: name };
    return check.run(setup).then(
      (note) => ({ code: 'ok', note }),
      (error: unknown) => ({ code: errorCode(error), note: noteOf(error) }),
    );
  },
  measureSpeed,
  /** `streaming` is called in the driver, by name, once text comes. */
  loseDevice: (setup: Setup) =>
    loseDevice(setup, () => (globalThis as unknown as { streaming: () => void }).streaming()),
};

const noteOf = (error: unknown): string => {
  const details = (error as { details?: object }).details ?? {};
  return Object.keys(details).length > 0 ? `${String(error)} ${JSON.stringify(details)}` : String(error);
};

export type GpuPage = typeof gpu;
Object.assign(globalThis, { gpu });
