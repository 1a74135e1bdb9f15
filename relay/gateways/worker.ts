import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { systemClock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import { systemRandom } from '#lib/base/random.ts';
import { createLocalNets } from '#lib/net/local.ts';
import type { Chain } from '#lib/pay/spec.ts';
import { createPeer } from '#lib/peer/peer.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import { wireError } from '#lib/protocol/errors.ts';
import { protocolVersion, build } from '#lib/protocol/version.ts';
import { readBackends } from '../backends.ts';
import { openDesk, type Desk } from '../desk.ts';
import { installNativeCrypto } from '../native-crypto.ts';
import { isJobRequest } from '../gateway/app.ts';
import { toNodeListener } from '../gateway/node-listener.ts';
import { hasKey } from '../gateway/access.ts';
import { createClientAddressResolver } from '../http/client-address.ts';
import { createHandedOverServer } from '../http/handed-over.ts';
import { createPassOn } from '../http/pass-on.ts';
import { createLogger } from '../log.ts';
import { noNativeProvider, waitUntilListed } from '../native-provider.ts';
import { openOwnAudits } from '../audit/own-audits.ts';
import { loadSeed } from '../node/identity.ts';
import { createRelayNode } from '../node/relay.ts';
import { startOwnNative, type MarkedJobs } from '../own-native.ts';
import { createRelayGuard } from '../relay-guard.ts';
import { charges } from '../settings/credits.ts';
import type { RelayEnv } from '../settings/commands.ts';
import { readEnv } from '../settings/read-env.ts';
import { openStores } from '../stores.ts';
import { readTasks } from '../tasks.ts';
import { unwind, type Undo } from '../unwind.ts';
import { shareOf } from './division.ts';
import type { Answers, FromWorker, Question, Seat, ToWorker } from './messages.ts';

export interface GatewayWorker {
  onMessage(message: ToWorker, socket: Socket | undefined): void;
  /** Lets running answers finish within the configured time, then shuts everything down. */
  stop(): Promise<void>;
}

const abortMs = 500;
/** A model server that says nothing for so long is found later. */
const modelsTimeoutMs = 10_000;
const joinTimeoutMs = 5_000;
const sampleTimeoutMs = 500;

/**
 * A gateway in a process of its own: a peer of its relay's network with its own key, that answers requests for jobs on connections which
 * the relay has accepted, and passes everything else on to it. Its part of the model servers it is joined to in memory.
 * @throws as the stores and the gateway do.
 */
export async function startGatewayWorker(
  seat: Seat,
  send: (message: FromWorker, socket?: Socket) => void,
): Promise<GatewayWorker> {
  installNativeCrypto();
  const env = readEnv('relay', { ...seat.variables, DATA_DIR: seat.dataDir, GATEWAYS: undefined });
  const [clock, random] = [systemClock, systemRandom];
  const logger = named(createLogger(env.LOG_LEVEL), seat.place + 1);
  const parts = { clock, random, logger };
  const startedAt = clock.now();
  const undo: Undo = [];
  try {
    const backends = env.NATIVE === 'off' ? [] : shareOf(await readBackends(env), seat.place, seat.of);
    const tasks = await readTasks(env.TASKS);
    const stores = await openStores(env, undo);
    const seed = await loadSeed(env.DATA_DIR, 'relay.key');
    const local = createLocalNets();
    const life = new AbortController();
    undo.push(() => life.abort());
    const net = createRelayNode({ ...parts, seed, local, relays: () => [seat.relay] });
    const signer = createSigner(seed);
    let native = noNativeProvider;
    const { storage } = stores;
    let appealed: ReadonlySet<string> = new Set();
    const { scorer, book, judges, calibrations, tierCheck, audits } = await openOwnAudits({
      ...parts,
      env,
      self: net.self,
      chain: await namedChain(seat, env),
      native: () => native,
      directory: () => peer.directory,
      storage,
      fetch,
      ...(seat.hasCourt ? { isAppealed: (audit: string) => appealed.has(audit) } : {}),
    });
    const peer = await createPeer({
      ...parts,
      net,
      signer,
      scorer,
      storage,
      tierCheck,
      role: 'native',
      discovery: 'server',
      isGratis: (worker) => worker === native.self,
      onCanary: audits.onCanary,
      onReleased: audits.onReleased,
    });
    await peer.start();
    undo.push(() => peer.stop());
    undo.push(() => audits.stop());
    await audits.start({ peer, signer });
    const marked: MarkedJobs = { owners: new Set(), bought: new Set() };
    const siblings = new Set(seat.siblings);
    if (backends.length > 0) {
      native = startOwnNative({
        ...parts,
        env,
        backends,
        peer,
        local,
        relays: [seat.relay],
        siblings,
        marked,
        checkpoints: stores.checkpoints,
      });
    }
    const desk = await openDesk({
      ...parts,
      env,
      stores,
      peer,
      guard: createRelayGuard(env),
      secret: seat.secret,
      tasks,
      native: () => native,
      tierCheck,
      audits: env.AUDIT_VALIDATORS.length > 0 ? book : undefined,
      auditProgress: audits.progress,
      judges: judges.entries,
      calibrations,
      keepsSlots: backends.some(({ reserve }) => reserve > 0),
      order: 'own-first',
      marked,
      startedAt,
      signal: life.signal,
      undo,
    });
    const resolveClient = createClientAddressResolver(env.TRUSTED_PROXIES);
    const gateway = toNodeListener(
      desk.openGateway({
        receipts: desk.receipts,
        health: desk.health,
        metrics: { ...desk.metrics, token: undefined },
        relayInfo: () => ({ peer: net.self, build, protocol: protocolVersion, network: 'small', relays: [] }),
        site: async () => new Response(null, { status: 404 }),
      }),
      resolveClient,
    );
    const passOn = createPassOn(seat.socketPath);
    undo.push(() => passOn.close());
    const isOwnWork = (request: IncomingMessage) =>
      isJobRequest(request) && (!charges(env) || isPrepaid(desk, request));
    const ids = new WeakMap<object, number>();
    const http = createHandedOverServer({
      onRequest: (request, response) => (isOwnWork(request) ? gateway : passOn)(request, response),
      onUpgrade({ method = '', url = '', headers, socket }, _client, head) {
        // A server would count it that never listens.
        Object.assign(socket, { server: null });
        send({ type: 'upgrade', id: ids.get(socket)!, upgrade: { method, url, headers, head } }, socket);
      },
    });
    undo.push(() => http.close());

    const answer = async (question: Question): Promise<Answers[Question['about']]> => {
      switch (question.about) {
        case 'state':
          return { health: desk.health(), backends: native.activity.backends };
        case 'metrics':
          return desk.metrics.snapshot();
        case 'receipts':
          return desk.receipts.find(question.job);
      }
    };
    const stop = async () => {
      desk.drain();
      http.drain();
      const overtime = AbortSignal.timeout(env.SHUTDOWN_SECONDS * 1_000);
      native.closeToOthers();
      await desk.jobs.idle({ signal: overtime }).catch(() => undefined);
      await native.stop({ signal: overtime });
      desk.jobs.abort(wireError('draining', 'This relay stopped before the answer had ended. Ask another one.'));
      await desk.jobs.idle({ signal: AbortSignal.timeout(abortMs) }).catch(() => undefined);
      await unwind(undo);
    };
    let stopping: Promise<void> | undefined;

    const within = (ms: number) => ({ clock, signal: AbortSignal.any([life.signal, AbortSignal.timeout(ms)]) });
    /** What others serve is known a moment after the relay is reached; where nobody serves, it is not waited for. */
    const joined = async () => {
      const isConnected = () => net.status().relays.some(({ state }) => state === 'connected');
      await waitUntilListed(isConnected, (listener) => net.onStatus(listener), within(joinTimeoutMs));
      const knowsWorkers = () => peer.directory.size > 0;
      await waitUntilListed(knowsWorkers, (listener) => peer.directory.onChange(listener), within(sampleTimeoutMs));
    };
    const late = clock.delay(modelsTimeoutMs, { signal: life.signal }).catch(() => undefined);
    void Promise.all([joined(), Promise.race([native.ready, late])]).then(() => send({ type: 'ready' }));
    return {
      onMessage(message, socket) {
        if (message.type === 'connection' && socket) {
          const { id } = message;
          ids.set(socket, id);
          send({ type: 'taken', id });
          socket.once('close', () => send({ type: 'closed', id }));
          http.accept(socket);
        } else if (message.type === 'connection') {
          send({ type: 'taken', id: message.id });
          send({ type: 'closed', id: message.id });
        } else if (message.type === 'appealed') {
          appealed = new Set(message.audits);
        } else if (message.type === 'ask') {
          const { id } = message;
          void answer(message.question).then(
            (value) => send({ type: 'answer', id, value }),
            () => send({ type: 'answer', id, value: undefined }),
          );
        }
      },
      stop: () => (stopping ??= stop()),
    };
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

/** For reading: nothing is sent from here. */
async function namedChain({ chain: id }: Seat, { CHAIN_RPC_URL: rpcUrl }: RelayEnv): Promise<Chain | undefined> {
  if (id === undefined || rpcUrl === undefined) return undefined;
  // What knows a chain takes long to load.
  const { createChain } = await import('#lib/pay/chain/chain.ts');
  const { deployedChain } = await import('#lib/pay/chain/calls.ts');
  return createChain({ clock: systemClock, fetch }, { entry: deployedChain(id), rpcUrl });
}

/** Who has nothing to pay with yet, or pays with the request, is served where the chain is. */
function isPrepaid({ credits }: Desk, { headers: given }: IncomingMessage): boolean {
  const headers = new Headers(Object.entries(given).map(([name, value]): [string, string] => [name, String(value)]));
  return hasKey(headers) && credits?.carries(headers) !== true && credits?.metered?.carries(headers) !== true;
}

const named = (logger: Logger, gateway: number): Logger => ({
  info: (event, fields) => logger.info(event, { ...fields, gateway }),
  warn: (event, fields) => logger.warn(event, { ...fields, gateway }),
});
