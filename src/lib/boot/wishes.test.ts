import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { createEmitter } from '#lib/base/emitter.ts';
import { catalog } from '#lib/engine/catalog.ts';
import type { WishView } from '#lib/state/network.ts';
import { createMemoryStorage } from '#lib/storage/memory.ts';
import type { Session } from './sessions.ts';
import { keepSettings } from './settings.ts';
import { createWishKeeper } from './wishes.ts';

const day = 24 * 60 * 60_000;
const artefactOf = (name: string) => catalog.find((entry) => entry.name === name)!.artefact;
const [f16, f32] = ['llama-3.2-1b-q4f16_1', 'llama-3.2-1b-q4f32_1'] as const;

/** A session whose peer notes what it is told to wish for, and to which a test says what others wish. */
function sessionOf(kind: Session['kind']) {
  const said: (readonly string[])[] = [];
  const counts = new Map<string, number>();
  const changed = createEmitter<void>();
  let followers = 0;
  const wishes = {
    counts: () => counts,
    follow(listener: () => void) {
      followers += 1;
      const end = changed.listen(listener);
      return () => {
        followers -= 1;
        end();
      };
    },
    wish: (artefacts: readonly string[]) => void said.push(artefacts),
  };
  const session = { kind, peer: { wishes } } as unknown as Session;
  const hear = (artefact: string, count: number) => {
    counts.set(artefact, count);
    changed.emit();
  };
  return { session, said, hear, followers: () => followers };
}

async function setup(storage = createMemoryStorage()) {
  const clock = manualClock();
  const settings = await keepSettings(storage);
  return { clock, settings, keeper: createWishKeeper({ clock, settings }), storage };
}

test('a wish is for every build of the model, is kept for a week, and can be taken back', async () => {
  const { clock, settings, keeper, storage } = await setup();
  const { session, said } = sessionOf('own');
  keeper.watch(session);
  await keeper.wish(f32, true);
  expect(said.at(-1)).toEqual([artefactOf(f16), artefactOf(f32)]);
  expect(settings.view.current.wishes).toEqual([{ model: f16, until: clock.now() + 7 * day }]);

  // After a reload it is said again.
  const again = sessionOf('own');
  const next = await setup(storage);
  next.keeper.watch(again.session);
  expect(again.said.at(-1)).toHaveLength(2);
  next.keeper.stop();

  await keeper.wish(f16, false);
  expect(said.at(-1)).toEqual([]);
  await keeper.wish(f16, true);
  await clock.advance(7 * day - 60_000);
  expect(said.at(-1)).toHaveLength(2);
  await clock.advance(2 * 60_000);
  expect(said.at(-1)).toEqual([]);
  keeper.stop();
});

test('in private mode, and without the device’s key, nothing is said', async () => {
  const { settings, keeper } = await setup();
  const own = sessionOf('own');
  keeper.watch(own.session);
  await keeper.wish(f16, true);
  await settings.change({ privateMode: true });
  expect(own.said.at(-1)).toEqual([]);
  await expect(keeper.wish(f16, true)).rejects.toMatchObject({ code: 'private-mode' });
  await settings.change({ privateMode: false });
  expect(own.said.at(-1)).toHaveLength(2);
  const guest = sessionOf('guest');
  keeper.watch(guest.session);
  expect(guest.said.at(-1)).toEqual([]);
  await expect(keeper.wish(f16, true)).rejects.toMatchObject({ code: 'identity-elsewhere' });
  keeper.stop();
});

test('only models of the catalog, and only so many of them', async () => {
  const { keeper } = await setup();
  keeper.watch(sessionOf('own').session);
  await expect(keeper.wish('my-own-model', true)).rejects.toMatchObject({ code: 'model-unknown' });
  const titles = [...new Map(catalog.map(({ title, name }) => [title, name])).values()];
  for (const name of titles.slice(0, 8)) await keeper.wish(name, true);
  await expect(keeper.wish(titles[8]!, true)).rejects.toMatchObject({ code: 'too-many-wishes' });
  await keeper.wish(titles[0]!, true);
  await keeper.wish(titles[0]!, false);
  await keeper.wish(titles[8]!, true);
  keeper.stop();
});

test('a page sees what is wished for, and follows it only while it looks', async () => {
  const { keeper } = await setup();
  const first = sessionOf('own');
  keeper.watch(first.session);
  expect(first.followers()).toBe(0);
  const shown: (readonly WishView[])[] = [];
  const stop = keeper.follow((wishes) => shown.push(wishes));
  expect(shown).toEqual([[]]);
  first.hear(artefactOf(f32), 3);
  first.hear('f'.repeat(64), 9);
  first.hear(artefactOf('qwen3-4b-q4f16_1'), 5);
  expect(shown.at(-1)).toEqual([
    { model: 'qwen3-4b-q4f16_1', wishes: 5, own: false },
    { model: f16, wishes: 3, own: false },
  ]);
  await keeper.wish(f16, true);
  expect(shown.at(-1)).toContainEqual({ model: f16, wishes: 3, own: true });

  const second = sessionOf('own');
  keeper.watch(second.session);
  expect([first.followers(), second.followers()]).toEqual([0, 1]);
  stop();
  stop();
  expect(second.followers()).toBe(0);
  keeper.stop();
});
