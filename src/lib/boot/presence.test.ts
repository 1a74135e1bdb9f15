import { expect, test } from 'vitest';
import { createLive } from '#lib/base/live.ts';
import { defaultSettings } from '#lib/state/settings.ts';
import { watchPresence, type IdleDetection } from './presence.ts';

function fakeDetection(permission: 'granted' | 'denied') {
  const made: (EventTarget & { userState: string | null; screenState: string | null; signal?: AbortSignal })[] = [];
  const state = { permission: 'prompt' as 'prompt' | 'granted' | 'denied' };
  class Detector extends EventTarget {
    static async requestPermission() {
      return (state.permission = permission);
    }
    userState: string | null = null;
    screenState: string | null = null;
    signal?: AbortSignal;
    async start({ signal }: { readonly signal: AbortSignal }) {
      if (state.permission !== 'granted') throw new DOMException('not allowed', 'NotAllowedError');
      this.signal = signal;
      made.push(this);
    }
  }
  const say = (userState: string, screenState = 'unlocked') => {
    const detector = made.at(-1)!;
    Object.assign(detector, { userState, screenState }).dispatchEvent(new Event('change'));
  };
  return { detection: Detector as unknown as IdleDetection, made, say };
}

function watch(detection: IdleDetection | undefined, onlyWhileAway: boolean) {
  const view = createLive({ ...defaultSettings, onlyWhileAway });
  const holds: string[] = [];
  const sharing = { hold: (reason: string, state: string) => void holds.push(`${reason} ${state}`) };
  return { watcher: watchPresence(detection, { sharing, settings: { view } }), settings: view, holds };
}

const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

test('shares while nobody uses the device, and pauses as soon as somebody does', async () => {
  const { detection, say } = fakeDetection('granted');
  const { watcher, holds } = watch(detection, true);
  expect(holds.at(-1)).toBe('present on');
  await watcher.ask();
  say('idle');
  expect([watcher.view.current, holds.at(-1)]).toEqual(['away', 'present off']);
  say('active');
  expect([watcher.view.current, holds.at(-1)]).toEqual(['present', 'present on']);
  say('active', 'locked');
  expect(holds.at(-1)).toBe('present off');
});

test.each([
  ['a browser that cannot tell', undefined, 'unsupported'],
  ['a user who does not permit it', fakeDetection('denied').detection, 'unknown'],
] as const)('%s counts as somebody there', async (_, detection, view) => {
  const { watcher, holds } = watch(detection, true);
  await watcher.ask();
  await settled();
  expect([watcher.view.current, holds.at(-1)]).toEqual([view, 'present on']);
});

test('nothing is detected unless the user has set it to', async () => {
  const { detection, made, say } = fakeDetection('granted');
  const { watcher, settings, holds } = watch(detection, false);
  await settled();
  expect([made.length, holds.at(-1)]).toEqual([0, 'present off']);
  settings.change({ onlyWhileAway: true });
  await watcher.ask();
  say('active');
  settings.change({ onlyWhileAway: false });
  expect([made.at(-1)!.signal!.aborted, holds.at(-1), watcher.view.current]).toEqual([true, 'present off', 'unknown']);
});
