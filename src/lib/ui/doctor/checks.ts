import { m } from '#messages';
import type { DeviceView } from '#lib/state/device.ts';
import type { NetworkView } from '#lib/state/network.ts';
import type { Tab } from '#lib/state/tab.ts';
import { clockOffsetText } from '../clock-offset-text.ts';
import { formatDuration } from '../format.ts';
import { peerName } from '../peer-colour.ts';
import { formatBytes } from '../sizes.ts';

export interface Check {
  readonly name: string;
  readonly outcome: 'good' | 'limited' | 'bad' | 'unknown';
  readonly value: string;
  /** What it means and what to do about it. */
  readonly advice?: string | undefined;
}

/** Checks of the device's capabilities. */
export function deviceChecks(device: DeviceView, storage: Tab['storage'] = 'persistent'): readonly Check[] {
  const room = device.quotaBytes === undefined ? undefined : Math.max(0, device.quotaBytes - (device.usedBytes ?? 0));
  const adapter = device.adapter ?? m.check_webgpu_found();
  return [
    {
      name: m.check_webgpu(),
      outcome: device.webgpu !== 'ready' ? 'limited' : device.softwareAdapter ? 'limited' : 'good',
      value:
        device.webgpu === 'unsupported'
          ? m.check_webgpu_none()
          : device.webgpu === 'no-adapter'
            ? m.check_webgpu_no_adapter()
            : device.softwareAdapter
              ? m.check_webgpu_software({ adapter })
              : adapter,
      advice: device.webgpu === 'ready' && !device.softwareAdapter ? undefined : m.check_webgpu_advice(),
    },
    {
      name: m.check_f16(),
      outcome: device.f16 ? 'good' : 'limited',
      value: yesNo(device.f16),
      advice: device.f16 ? undefined : m.check_f16_advice(),
    },
    {
      name: m.check_buffer(),
      outcome: device.bufferBytesMax === undefined ? 'unknown' : 'good',
      value:
        device.bufferBytesMax === undefined
          ? m.unknown()
          : m.check_buffer_value({
              size: formatBytes(device.bufferBytesMax),
              storage: formatBytes(device.storageBufferBytesMax ?? 0),
            }),
    },
    { name: m.check_cpu(), outcome: 'good', value: m.check_cores({ count: device.cores }) },
    {
      name: m.check_memory(),
      outcome: device.memoryGiB === undefined ? 'unknown' : device.memoryGiB < 4 ? 'limited' : 'good',
      value: device.memoryGiB === undefined ? m.not_reported() : m.check_memory_value({ count: device.memoryGiB }),
    },
    {
      name: m.check_room(),
      outcome: room === undefined ? 'unknown' : room < 100e6 ? 'bad' : room < 1e9 ? 'limited' : 'good',
      value:
        room === undefined
          ? m.not_reported()
          : m.check_room_value({ free: formatBytes(room), used: formatBytes(device.usedBytes ?? 0) }),
      advice: room !== undefined && room < 1e9 ? m.check_room_advice() : undefined,
    },
    {
      name: m.check_persistent(),
      outcome: storage === 'memory' ? 'bad' : device.persistentStorage ? 'good' : 'limited',
      value:
        storage === 'memory' ? m.check_persistent_none() : device.persistentStorage ? m.yes() : m.check_persistent_no(),
      advice: storage === 'memory' ? m.check_persistent_none_advice() : undefined,
    },
    {
      name: m.check_isolated(),
      outcome: device.isolated ? 'good' : 'limited',
      value: yesNo(device.isolated),
      advice: device.isolated ? undefined : m.check_isolated_advice(),
    },
    {
      name: m.check_webrtc(),
      outcome: device.webrtc ? 'good' : 'bad',
      value: yesNo(device.webrtc),
      advice: device.webrtc ? undefined : m.check_webrtc_advice(),
    },
    {
      name: m.check_key(),
      outcome: device.locks ? 'good' : 'limited',
      value: device.locks ? m.check_key_yes() : m.check_key_no(),
      advice: device.locks ? undefined : m.check_key_advice(),
    },
    {
      name: m.check_offline(),
      outcome: device.serviceWorker === 'active' ? 'good' : 'limited',
      value:
        device.serviceWorker === 'active'
          ? m.yes()
          : device.serviceWorker === 'none'
            ? m.check_offline_not_yet()
            : m.check_offline_not_here(),
    },
  ];
}

const yesNo = (value: boolean): string => (value ? m.yes() : m.no());

const relayWords = {
  connecting: m.check_relay_connecting,
  connected: m.check_relay_connected,
  reserved: m.check_relay_reserved,
  lost: m.check_relay_lost,
} as const;

/** The newest; more would hide the rest. */
const forksShown = 8;

/** Checks of this tab's network connection. `roundTrips`: milliseconds by peer, or the error code. */
export function networkChecks(
  network: NetworkView,
  roundTrips: ReadonlyMap<string, number | string>,
): readonly Check[] {
  const withTrip = (value: string, peer: string | undefined) => {
    const trip = peer === undefined ? undefined : roundTrips.get(peer);
    if (trip === undefined) return value;
    return typeof trip === 'number'
      ? m.check_round_trip({ value, time: formatDuration(trip) })
      : m.check_trip_failed({ value, code: trip });
  };
  const relays: Check[] = network.relays.map((relay) => ({
    name: relay.peer ? m.check_relay_named({ peer: peerName(relay.peer) }) : m.check_relay(),
    outcome:
      relay.state === 'reserved'
        ? 'good'
        : relay.state === 'connected'
          ? 'limited'
          : relay.state === 'lost'
            ? 'bad'
            : 'unknown',
    value: withTrip(relayWords[relay.state](), relay.peer),
    advice: relay.reason,
  }));
  const peers: Check[] = network.connections
    .filter(({ peer }) => !network.relays.some((relay) => relay.peer === peer))
    .map((connection) => ({
      name: m.check_peer({ peer: peerName(connection.peer) }),
      outcome: connection.path === 'relayed' ? 'limited' : 'good',
      value: withTrip(`${connection.path}, ${connection.transport}, ${connection.direction}`, connection.peer),
      advice: connection.path === 'relayed' ? m.check_peer_advice() : undefined,
    }));
  if (network.clock) {
    relays.push({
      name: m.check_clock(),
      outcome: network.clock.corrected ? 'limited' : 'good',
      value: clockOffsetText(network.clock),
      advice: network.clock.corrected ? m.check_clock_advice() : undefined,
    });
  }
  for (const { peer } of network.forks.slice(0, forksShown)) {
    const isSelf = peer === network.self;
    relays.push({
      name: m.check_forked(),
      outcome: isSelf ? 'bad' : 'limited',
      value: isSelf ? m.check_forked_self() : m.check_forked_value({ peer: peerName(peer) }),
      advice: isSelf ? m.check_forked_self_advice() : m.check_forked_advice(),
    });
  }
  const shares = network.offers.some(({ self, audience }) => self && audience === 'network');
  if (shares || network.listedBy.length > 0) {
    relays.push({
      name: m.check_listed(),
      outcome: network.listedBy.length > 0 ? 'good' : 'bad',
      value:
        network.listedBy.length > 0
          ? m.check_listed_by({ relays: network.listedBy.map(peerName).join(', ') })
          : m.check_listed_not(),
    });
  }
  if (network.relays.length === 0) {
    relays.push({
      name: m.check_relay(),
      outcome: 'bad',
      value: m.check_relay_none(),
      advice: m.check_relay_none_advice(),
    });
  }
  return [...relays, ...peers];
}
