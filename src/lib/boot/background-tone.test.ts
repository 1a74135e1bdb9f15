import { expect, test } from 'vitest';
import { createLive } from '#lib/base/live.ts';
import { defaultSettings } from '#lib/state/settings.ts';
import { notSharing } from '#lib/state/sharing.ts';
import { watchBackground } from './background-tone.ts';

function fakeAudio(state: 'running' | 'suspended') {
  const made: { closed: boolean; gain: { value: number }; started: number }[] = [];
  const create = () => {
    const record = { closed: false, gain: { value: 1 }, started: 0 };
    made.push(record);
    const node = {
      connect: () => node,
      frequency: { value: 0 },
      gain: record.gain,
      start: () => void record.started++,
    };
    const context = { state, createOscillator: () => node, createGain: () => node, destination: {} };
    return { ...context, close: async () => void (record.closed = true) } as unknown as AudioContext;
  };
  return { made, create };
}

function open(state: 'running' | 'suspended', backgroundTone = true) {
  const audio = fakeAudio(state);
  const document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  const sharing = { view: createLive({ ...notSharing, phase: 'sharing' as 'sharing' | 'paused' }) };
  const settings = { view: createLive({ ...defaultSettings, backgroundTone }) };
  const page = { document: document as unknown as Document, createAudio: audio.create };
  const watching = watchBackground(page, { sharing, settings });
  const turn = (visibilityState: 'visible' | 'hidden') => {
    document.visibilityState = visibilityState;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  return { ...audio, sharing, settings, watching, turn };
}

test('the tone plays only while a hidden tab shares, and far below what is heard', () => {
  const { made, sharing, watching, turn } = open('running');
  expect(made).toEqual([]);
  turn('hidden');
  expect(made).toEqual([{ closed: false, gain: { value: 0.001 }, started: 1 }]);
  expect(watching.view.current.playing).toBe(true);
  sharing.view.change({ phase: 'paused' });
  expect([made[0]!.closed, watching.view.current.playing]).toEqual([true, false]);
  sharing.view.change({ phase: 'sharing' });
  turn('visible');
  expect(made.map(({ closed }) => closed)).toEqual([true, true]);
});

test('off by default, and not said to play where the browser refuses', () => {
  const off = open('running', false);
  off.turn('hidden');
  expect(off.made).toEqual([]);
  const refused = open('suspended');
  refused.turn('hidden');
  expect(refused.watching.view.current.playing).toBe(false);
});

test('the rate of the last answer is kept apart for a shown and a hidden tab', () => {
  const { sharing, watching, turn } = open('running');
  sharing.view.change({ decodeTps: 22, jobsDone: 1 });
  turn('hidden');
  sharing.view.change({ decodeTps: 8, jobsDone: 2 });
  expect(watching.view.current).toMatchObject({ shownTps: 22, hiddenTps: 8 });
});
