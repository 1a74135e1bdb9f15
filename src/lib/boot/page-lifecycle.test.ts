import { expect, test } from 'vitest';
import type { Peer } from '#lib/peer/peer.ts';
import { watchPageLifecycle } from './page-lifecycle.ts';
import type { Sharing } from './run-sharing.ts';

function setup() {
  const done: string[] = [];
  const peer = {
    announceOffline: () => done.push('offline'),
    announceOnline: () => done.push('online'),
    provider: { abandon: () => done.push('abandon') },
  } as unknown as Peer;
  const sharing = { hold: (why: string, how: string) => done.push(`${why} ${how}`) } as unknown as Sharing;
  const earner = { entrust: () => done.push('entrust') };
  const [window, document] = [new EventTarget() as Window, new EventTarget() as Document];
  const end = watchPageLifecycle({ window, document }, { peers: () => [peer], sharing, earner });
  const fire = (type: string, persisted: boolean) =>
    window.dispatchEvent(Object.assign(new Event(type), { persisted })) && done.splice(0);
  return { done, document, end, fire };
}

test('a page that is closed says so and lets go of its jobs; one that may come back keeps them', () => {
  const { document, done, end, fire } = setup();
  expect(fire('pagehide', false)).toEqual(['offline', 'entrust', 'abandon']);
  expect(fire('pageshow', false)).toEqual([]);
  expect(fire('pagehide', true)).toEqual(['offline', 'entrust']);
  expect(fire('pageshow', true)).toEqual(['online']);
  document.dispatchEvent(new Event('freeze'));
  document.dispatchEvent(new Event('resume'));
  expect(done.splice(0)).toEqual(['frozen on', 'offline', 'entrust', 'frozen off', 'online']);
  for (const visibilityState of ['hidden', 'visible']) {
    Object.assign(document, { visibilityState });
    document.dispatchEvent(new Event('visibilitychange'));
  }
  expect(done.splice(0)).toEqual(['entrust']);
  end();
  expect(fire('pagehide', false)).toEqual([]);
});
