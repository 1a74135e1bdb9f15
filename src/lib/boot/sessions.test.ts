import { expect, test } from 'vitest';
import { TabloomError } from '#lib/base/errors.ts';
import type { Peer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Session, SessionKind } from './sessions.ts';
import { createSessions } from './sessions.ts';

/** Sessions that only say when they are opened and stopped. */
function desk() {
  const log: string[] = [];
  const state = { held: true, privateMode: false, broken: undefined as SessionKind | undefined };
  const counts = new Map<SessionKind, number>();
  const open = async (kind: SessionKind): Promise<Session> => {
    if (kind === state.broken) throw new TabloomError('network-down', 'No.');
    const number = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, number);
    const name = `${kind}-${number}`;
    log.push(`open ${name}`);
    await Promise.resolve();
    const peer = { self: name, stop: async () => void log.push(`stop ${name}`) } as unknown as Peer;
    return { kind, peer, signer: createSigner(new Uint8Array(32).fill(1)) };
  };
  const sessions = createSessions({
    open,
    lock: () => ({ held: state.held }),
    privateMode: () => state.privateMode,
    onChange: (asking, serving) => log.push(`ask ${asking.peer.self}, serve ${serving.peer.self}`),
  });
  return { log, state, sessions };
}

/** A job that tells under which key it was begun, and ends when it is told to. */
function job(sessions: ReturnType<typeof desk>['sessions'], signal?: AbortSignal) {
  const done = Promise.withResolvers<void>();
  const key = Promise.withResolvers<string>();
  async function* run({ peer }: Session) {
    yield peer.self;
    await done.promise;
  }
  const over = (async () => {
    for await (const self of sessions.during('asking', run, { signal })) key.resolve(self);
  })();
  over.catch((error: unknown) => key.reject(error));
  return { key: key.promise, end: () => (done.resolve(), over) };
}

test('a job that comes while a change of key is waited for begins under the new key', async () => {
  const { sessions, state } = desk();
  await sessions.reconcile();
  const before = job(sessions);
  expect(await before.key).toBe('own-1');
  state.privateMode = true;
  await sessions.reconcile();
  const after = job(sessions);
  await before.end();
  expect(await after.key).toBe('private-1');
  await after.end();
});

test('a job that comes while a fresh key is made does not go out under the one before', async () => {
  const { sessions, state, log } = desk();
  state.privateMode = true;
  await sessions.reconcile();
  void sessions.renewPrivate();
  const asked = job(sessions);
  expect(await asked.key).toBe('private-2');
  await asked.end();
  expect(log).toContain('stop private-1');
});

test('a job that waits can be stopped', async () => {
  const { sessions } = desk();
  const stop = new AbortController();
  const waiting = job(sessions, stop.signal);
  stop.abort();
  await expect(waiting.key).rejects.toMatchObject({ code: 'aborted' });
});

test('the device’s own node is gone before another is opened, and gone even where none can be', async () => {
  const { sessions, state, log } = desk();
  await sessions.reconcile();
  log.length = 0;
  state.broken = 'guest';
  await expect(sessions.closeDeviceSession()).rejects.toMatchObject({ code: 'network-down' });
  expect(log).toEqual(['stop own-1']);
  state.broken = undefined;
  state.held = false;
  const asked = job(sessions);
  await sessions.reconcile();
  expect(await asked.key).toBe('guest-1');
  await asked.end();
});
