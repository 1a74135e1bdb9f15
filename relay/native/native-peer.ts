import type { Clock } from '#lib/base/clock.ts';
import type { Logger } from '#lib/base/logger.ts';
import type { Random } from '#lib/base/random.ts';
import { createLibp2pNet, type Libp2pNetOptions } from '#lib/net/libp2p/net.ts';
import { createPeer, type Peer } from '#lib/peer/peer.ts';
import type { Audience, Provider } from '#lib/peer/spec.ts';
import type { Policy } from '#lib/peer/serve/admit.ts';
import { createSigner } from '#lib/protocol/envelope.ts';
import type { Job, Tier } from '#lib/protocol/job.ts';
import type { PeerId } from '#lib/protocol/ids.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Till } from '#lib/pay/ports.ts';
import type { Price } from '#lib/protocol/price.ts';
import type { KeyValue } from '#lib/storage/spec.ts';
import { readHardware } from './hardware.ts';
import type { Serving } from './supervisor.ts';

/**
 * A peer like any other, with its own key and net, that always serves what it is configured with: the bundled model, or the
 * models of a server beside it. Others find and ask it as they do a tab. In a relay's process, the gateway asks it in
 * memory.
 */
export interface NativePeer {
  readonly peer: Peer;
  readonly serving: Serving;
  /** Starts the net and the loading of the models; returns when the net runs. */
  start(): Promise<void>;
  /** Withdraws its offer, lets running answers finish until the signal aborts, then releases everything. */
  stop(options: { readonly signal: AbortSignal }): Promise<void>;
}

export interface NativePeerComponents {
  /** Seed of its own Ed25519 key, 32 bytes. */
  readonly seed: Uint8Array;
  readonly storage: KeyValue;
  /** Where to be reachable; see `Libp2pNetOptions`. */
  readonly net: Pick<Libp2pNetOptions, 'relays' | 'wakeups' | 'listen' | 'local'>;
  /** A relay asks on behalf of all its HTTP clients, under one key: it may fill every slot and every queue. */
  readonly isGateway: (peer: PeerId) => boolean;
  /** Whether a job is that of this machine's owner, who comes first and has the reserved slots to himself. */
  readonly isOwners: (job: Job, asker: PeerId) => boolean;
  /** Whether a job is paid for at the gateway that asks. */
  readonly isBought?: ((job: Job, asker: PeerId) => boolean) | undefined;
  /** Whether a peer pays nothing, whatever the price. */
  readonly isExempt: (asker: PeerId) => boolean;
  /** What the models cost everybody else, and how it is paid. */
  readonly earnings?: { readonly till: Till; readonly price: Price; readonly priceMax: Price } | undefined;
  /** That it may be asked in. */
  readonly tiers: readonly Tier[];
  /** Whether offers claim the machine's GPUs. */
  readonly hardwareCard: 'on' | 'off';
  /** Jobs that are refused although they could be served. */
  readonly policy?: Policy | undefined;
  /** Of its models: `self` where they answer nobody; `network` by default. */
  readonly audience?: Audience | undefined;
  /** Makes what keeps its models served. */
  readonly serve: (provider: Offering) => Serving;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export async function createNativePeer(components: NativePeerComponents): Promise<NativePeer> {
  const { seed, storage, isGateway, isOwners, isExempt, earnings, policy, clock, random, logger } = components;
  // Strangers' jobs and the owner's wait apart.
  const gatewayJobsMax = () => serving.slots.reduce((sum, slots) => sum + slots + 2 * limits.workerQueueMax, 0);
  const hardware = components.hardwareCard === 'off' ? undefined : await readHardware();
  const net = createLibp2pNet({
    seed,
    clock,
    random,
    logger,
    transports: 'node',
    insecureDial: 'allow',
    ...components.net,
  });
  const peer = await createPeer({
    net,
    storage,
    clock,
    random,
    logger,
    signer: createSigner(seed),
    role: 'native',
    tiers: components.tiers,
    hardware: () => (hardware && serving.isMeasured ? { ...hardware, status: 'measured' } : hardware),
    discovery: 'client',
    // The gateway of this process ends with it, and gives its jobs other ids when it begins again.
    keepAnswers: (asker) => (components.net.local?.get(asker) ? 'in-memory' : 'in-storage'),
    policy: (job, asker) => policy?.(job, asker) ?? serving.refuse?.(job, isOwners(job, asker) ? 'owner' : 'other'),
    isOwners,
    isBought: components.isBought,
    isExempt,
    till: earnings?.till,
    price: earnings?.price,
    priceMax: earnings?.priceMax,
    jobsPerPeerMax: (asker) => (isGateway(asker) ? gatewayJobsMax() : limits.jobsPerPeerMax),
    onModelFailed: (artefact, error) => serving.onModelFailed(artefact, { code: error.code, message: error.message }),
  });
  const serving = components.serve(offeringTo(peer.provider, components.audience));
  return {
    peer,
    serving,
    async start() {
      // In parallel: loading and connecting use different threads.
      serving.start();
      await peer.start();
    },
    async stop({ signal }) {
      await peer.provider.drain({ signal });
      await serving.stop();
      await peer.stop();
    },
  };
}

/** What models are offered by. */
export type Offering = Pick<Provider, 'offerModel' | 'withdrawModel' | 'servedModels'>;

const offeringTo = (
  { offerModel, withdrawModel, servedModels }: Offering,
  audience: Audience | undefined,
): Offering => ({
  offerModel: (model, options) => offerModel(model, audience === undefined ? options : { ...options, audience }),
  withdrawModel,
  servedModels,
});
