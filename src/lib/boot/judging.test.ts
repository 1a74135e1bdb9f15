import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import { createLive } from '#lib/base/live.ts';
import type { RelayAudits } from '#lib/protocol/relay-info.ts';
import { keepJudging } from './judging.ts';
import type { Session, SessionKind } from './sessions.ts';

const self = '12D3KooWSelf';
const named = (peer: string): RelayAudits => ({
  validators: [{ peer, engineClass: '' }],
  share: 20_000,
  beacons: ['https://beacon.test'],
});
const provider = {
  state: { models: [{ artefact: 'a' }] },
  scorer: { has: (artefact: string) => artefact === 'a' },
};
const session = (kind: SessionKind, serving: object = provider) =>
  ({ kind, peer: { self, provider: serving } }) as unknown as Session;

function scene({ isBroken = false } = {}) {
  const log: string[] = [];
  const settings = createLive({ judgeAudits: false });
  const library = createLive<{ loaded: readonly string[] }>({ loaded: [] });
  let seat: () => void = () => undefined;
  let made = 0;
  const judging = keepJudging({
    settings,
    library,
    open: async (_session, _terms, onSeat) => {
      if (isBroken) throw new TabloomError('part-missing', 'No.');
      seat = onSeat;
      const name = `validator-${++made}`;
      return { start: async () => void log.push(`start ${name}`), stop: async () => void log.push(`stop ${name}`) };
    },
  });
  const phase = async () => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    return judging.view.current.phase;
  };
  return { log, settings, library, judging, phase, seat: () => seat() };
}

test('judges only by choice, with the device’s key, where it is named, and with a model', async () => {
  const { log, settings, library, judging, phase, seat } = scene();
  judging.watch(session('own'));
  judging.noteTerms(named(self));
  library.set({ loaded: ['m'] });
  expect([await phase(), log]).toEqual(['off', []]);
  library.set({ loaded: [] });
  judging.noteTerms(undefined);
  judging.watch(session('guest'));
  settings.set({ judgeAudits: true });
  expect(await phase()).toBe('elsewhere');
  judging.watch(session('own'));
  expect(await phase()).toBe('not-followed');
  judging.noteTerms(named('12D3KooWOther'));
  expect([await phase(), judging.view.current.self]).toEqual(['not-named', self]);
  judging.noteTerms(named(self));
  expect([await phase(), log]).toEqual(['no-model', []]);
  library.set({ loaded: ['m'] });
  judging.watch(session('own', { ...provider, scorer: { has: () => false } }));
  expect([await phase(), log]).toEqual(['no-model', []]);
  judging.watch(session('own'));
  expect([await phase(), log]).toEqual(['judging', ['start validator-1']]);
  seat();
  expect(judging.view.current.seated).toBe(1);
  settings.set({ judgeAudits: false });
  expect([await phase(), log.at(-1)]).toEqual(['off', 'stop validator-1']);
});

test('another model, other terms or another tab end what judges, and nothing is started twice', async () => {
  const { log, settings, library, judging, phase } = scene();
  const own = session('own');
  settings.set({ judgeAudits: true });
  library.set({ loaded: ['m'] });
  judging.watch(own);
  judging.noteTerms(named(self));
  judging.noteTerms(named(self));
  judging.watch(own);
  expect([await phase(), log]).toEqual(['judging', ['start validator-1']]);
  library.set({ loaded: ['n'] });
  await phase();
  expect(log.slice(1)).toEqual(['stop validator-1', 'start validator-2']);
  judging.watch(session('guest'));
  expect([await phase(), log.at(-1)]).toEqual(['elsewhere', 'stop validator-2']);
  judging.watch(own);
  await phase();
  await judging.stop();
  library.set({ loaded: ['m'] });
  expect([await phase(), log.at(-1)]).toEqual(['off', 'stop validator-3']);
});

test('what could not be started says why, and is tried again with the next change', async () => {
  const { settings, library, judging, phase } = scene({ isBroken: true });
  settings.set({ judgeAudits: true });
  library.set({ loaded: ['m'] });
  judging.watch(session('own'));
  judging.noteTerms(named(self));
  expect([await phase(), judging.view.current.error?.code]).toEqual(['failed', 'part-missing']);
  library.set({ loaded: [] });
  expect([await phase(), judging.view.current.error]).toEqual(['no-model', undefined]);
});
