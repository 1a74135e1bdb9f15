import type { DeviceView } from '#lib/state/device.ts';
import type { NetworkView } from '#lib/state/network.ts';
import type { Tab } from '#lib/state/tab.ts';
import { clockWords } from '../clock-words.ts';
import { formatDuration } from '../format.ts';
import { peerName } from '../peer-colour.ts';
import { formatBytes } from '../sizes.ts';

export interface Check {
  readonly name: string;
  readonly outcome: 'good' | 'limited' | 'bad' | 'unknown';
  readonly value: string;
  /** What it means and what can be done. */
  readonly advice?: string | undefined;
}

/** What the device can do, line by line. */
export function deviceChecks(device: DeviceView, storage: Tab['storage'] = 'kept'): readonly Check[] {
  const room = device.quotaBytes === undefined ? undefined : Math.max(0, device.quotaBytes - (device.usedBytes ?? 0));
  return [
    {
      name: 'WebGPU',
      outcome: device.webgpu !== 'ready' ? 'limited' : device.softwareAdapter ? 'limited' : 'good',
      value:
        device.webgpu === 'unsupported'
          ? 'not in this browser'
          : device.webgpu === 'no-adapter'
            ? 'no adapter'
            : `${device.adapter ?? 'adapter found'}${device.softwareAdapter ? ', in software' : ''}`,
      advice:
        device.webgpu === 'ready' && !device.softwareAdapter
          ? undefined
          : 'Small models run on the processor. For larger ones use a recent Chrome or Edge and switch on graphics acceleration.',
    },
    {
      name: '16-bit arithmetic',
      outcome: device.f16 ? 'good' : 'limited',
      value: device.f16 ? 'yes' : 'no',
      advice: device.f16 ? undefined : 'The 32-bit builds of models are taken instead; they need more memory.',
    },
    {
      name: 'Largest buffer',
      outcome: device.bufferBytesMax === undefined ? 'unknown' : 'good',
      value:
        device.bufferBytesMax === undefined
          ? 'unknown'
          : `${formatBytes(device.bufferBytesMax)}, storage ${formatBytes(device.storageBufferBytesMax ?? 0)}`,
    },
    { name: 'Processor', outcome: 'good', value: `${device.cores} cores` },
    {
      name: 'Memory',
      outcome: device.memoryGiB === undefined ? 'unknown' : device.memoryGiB < 4 ? 'limited' : 'good',
      value: device.memoryGiB === undefined ? 'the browser does not say' : `at least ${device.memoryGiB} GB`,
    },
    {
      name: 'Room for models',
      outcome: room === undefined ? 'unknown' : room < 100e6 ? 'bad' : room < 1e9 ? 'limited' : 'good',
      value:
        room === undefined
          ? 'the browser does not say'
          : `${formatBytes(room)} free, ${formatBytes(device.usedBytes ?? 0)} used`,
      advice:
        room !== undefined && room < 1e9
          ? 'A private window or a full disk leaves little room. Delete models you do not use.'
          : undefined,
    },
    {
      name: 'Kept under pressure',
      outcome: storage === 'memory' ? 'bad' : device.persistentStorage ? 'good' : 'limited',
      value:
        storage === 'memory'
          ? 'nothing is kept in this browser'
          : device.persistentStorage
            ? 'yes'
            : 'the browser may clear it',
      advice:
        storage === 'memory'
          ? 'Conversations, settings and this device’s key are gone with the page. Allow this site to store data.'
          : undefined,
    },
    {
      name: 'Isolated page',
      outcome: device.isolated ? 'good' : 'limited',
      value: device.isolated ? 'yes' : 'no',
      advice: device.isolated ? undefined : 'Models on the processor use one thread.',
    },
    {
      name: 'WebRTC',
      outcome: device.webrtc ? 'good' : 'bad',
      value: device.webrtc ? 'yes' : 'no',
      advice: device.webrtc ? undefined : 'Peers are reached only through relays. An extension may block WebRTC.',
    },
    {
      name: 'Own key',
      outcome: device.locks ? 'good' : 'limited',
      value: device.locks ? 'one tab at a time has it' : 'not used in this window',
      advice: device.locks
        ? undefined
        : 'Over plain http the browser does not let tabs agree on who has it, so each asks as a guest and none lends. Open this page over https, or at localhost.',
    },
    {
      name: 'Works offline',
      outcome: device.serviceWorker === 'active' ? 'good' : 'limited',
      value:
        device.serviceWorker === 'active' ? 'yes' : device.serviceWorker === 'none' ? 'not yet' : 'not in this window',
    },
  ];
}

/** How this tab stands in the network. `roundTrips`: milliseconds by peer, or the code of the failure. */
export function networkChecks(
  network: NetworkView,
  roundTrips: ReadonlyMap<string, number | string>,
): readonly Check[] {
  const trip = (peer: string | undefined) => {
    const value = peer === undefined ? undefined : roundTrips.get(peer);
    return value === undefined
      ? ''
      : typeof value === 'number'
        ? `, round trip ${formatDuration(value)}`
        : `, ${value}`;
  };
  const relays: Check[] = network.relays.map((relay) => ({
    name: relay.peer ? `Relay ${peerName(relay.peer)}` : 'Relay',
    outcome:
      relay.state === 'reserved'
        ? 'good'
        : relay.state === 'connected'
          ? 'limited'
          : relay.state === 'lost'
            ? 'bad'
            : 'unknown',
    value: `${relay.state === 'reserved' ? 'connected, others can reach this tab' : relay.state === 'connected' ? 'connected, no reservation yet' : relay.state}${trip(relay.peer)}`,
    advice: relay.reason,
  }));
  const peers: Check[] = network.connections
    .filter(({ peer }) => !network.relays.some((relay) => relay.peer === peer))
    .map((connection) => ({
      name: `Peer ${peerName(connection.peer)}`,
      outcome: connection.path === 'relayed' ? 'limited' : 'good',
      value: `${connection.path}, ${connection.transport}, ${connection.direction}${trip(connection.peer)}`,
      advice:
        connection.path === 'relayed'
          ? 'No direct way was found; a strict firewall or router may stand between.'
          : undefined,
    }));
  if (network.clock) {
    relays.push({
      name: 'Clock',
      outcome: network.clock.corrected ? 'limited' : 'good',
      value: clockWords(network.clock),
      advice: network.clock.corrected ? 'Set this device’s clock by the network.' : undefined,
    });
  }
  const shares = network.offers.some(({ self, audience }) => self && audience === 'network');
  if (shares || network.listedBy.length > 0) {
    relays.push({
      name: 'Listed',
      outcome: network.listedBy.length > 0 ? 'good' : 'bad',
      value: network.listedBy.length > 0 ? `by ${network.listedBy.map(peerName).join(', ')}` : 'by no relay yet',
    });
  }
  if (network.relays.length === 0) {
    relays.push({
      name: 'Relay',
      outcome: 'bad',
      value: 'none known',
      advice: 'Add a relay’s address in the settings.',
    });
  }
  return [...relays, ...peers];
}

/** The whole as text to paste into a report: no key, no name, no conversation, no address of this device. */
export function reportText(
  device: DeviceView | undefined,
  network: NetworkView,
  roundTrips: ReadonlyMap<string, number | string>,
  about: { readonly build: string; readonly at: string; readonly storage?: Tab['storage'] | undefined },
): string {
  const lines = [`Tabloom ${about.build}, ${about.at}`, device?.browser ?? 'browser unknown', ''];
  const section = (title: string, checks: readonly Check[]) => {
    lines.push(title);
    for (const check of checks) lines.push(`  ${check.outcome.padEnd(8)}${check.name}: ${check.value}`);
    lines.push('');
  };
  if (device) section('Device', deviceChecks(device, about.storage));
  section(`Network (${network.phase}, ${network.identity} key)`, networkChecks(network, roundTrips));
  if (network.incidents.length > 0) {
    lines.push('Last incidents');
    for (const { at, peer, code } of network.incidents)
      lines.push(`  ${new Date(at).toISOString()} ${peer ? peerName(peer) : '–'} ${code}`);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
