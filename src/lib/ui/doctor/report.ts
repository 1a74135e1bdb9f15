import { m } from '#messages';
import type { DeviceView } from '#lib/state/device.ts';
import type { NetworkView, RouteReasonView } from '#lib/state/network.ts';
import type { Tab } from '#lib/state/tab.ts';
import { peerName } from '../peer-colour.ts';
import { deviceChecks, networkChecks, type Check } from './checks.ts';

export interface About {
  readonly build: string;
  /** ISO 8601. */
  readonly at: string;
  readonly storage?: Tab['storage'] | undefined;
  /** Why each worker would get the next question, or not. */
  readonly routes?: readonly RouteReasonView[] | undefined;
}

/** The report as text for pasting: contains no key, name, conversation, or address. */
export function reportText(
  device: DeviceView | undefined,
  network: NetworkView,
  roundTrips: ReadonlyMap<string, number | string>,
  about: About,
): string {
  const lines = [`Tabloom ${about.build}, ${about.at}`, device?.browser ?? m.report_browser_unknown(), ''];
  const section = (title: string, checks: readonly Check[]) => {
    lines.push(title);
    for (const { outcome, name, value, advice } of checks) {
      lines.push(`  ${outcome.padEnd(8)}${name}: ${value}`);
      if (outcome !== 'good' && advice) lines.push(`          ${advice}`);
    }
    lines.push('');
  };
  if (device) section(m.this_device(), deviceChecks(device, about.storage));
  section(m.report_network({ phase: network.phase, identity: network.identity }), networkChecks(network, roundTrips));
  const routes = about.routes ?? [];
  if (routes.length > 0) {
    lines.push(m.doctor_route());
    for (const { peer, reason } of routes) lines.push(`  ${peerName(peer)} ${reason}`);
    lines.push('');
  }
  if (network.incidents.length > 0) {
    lines.push(m.report_incidents());
    for (const { at, peer, code } of network.incidents)
      lines.push(`  ${new Date(at).toISOString()} ${peer ? peerName(peer) : '–'} ${code}`);
  }
  return withoutAddresses(`${lines.join('\n').trimEnd()}\n`);
}

/** Reasons are for the person in front of the page, and may name a relay at home. */
const addresses = [
  /\b(?:https?|wss?):\/\/[^\s"'<>)]+/g,
  /\/(?:ip[46]|dns[46]?|dnsaddr)\/\S+/g,
  /\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g,
  /\[[0-9a-f:]*:[0-9a-f:]+\](?::\d+)?/gi,
  // A peer's whole id; its short name says as much.
  /\b12D3KooW[1-9A-HJ-NP-Za-km-z]{20,}\b/g,
];

const withoutAddresses = (text: string): string =>
  addresses.reduce((clean, address) => clean.replace(address, m.report_address()), text);
