import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { createSocket } from 'node:dgram';
import { BlockList, isIP } from 'node:net';
import { readHardware, type RunProgram } from '../native/hardware.ts';
import { causeOf, fail, ok, skipped, warn, type Check } from './finding.ts';

/** Of what `scripts/run.mjs` asks for. */
const nodeLeast = [22, 18] as const;

export const checkNode = (version: string): Check => ({
  id: 'node',
  async run() {
    const [major = 0, minor = 0] = version.split('.').map(Number);
    const isEnough = major > nodeLeast[0] || (major === nodeLeast[0] && minor >= nodeLeast[1]);
    if (isEnough) return ok(`Node ${version}.`);
    return fail(`Node ${version} is too old.`, `Install Node ${nodeLeast.join('.')} or later.`);
  },
});

/** Files and sockets that are open besides the connections. */
const otherFilesMax = 512;

/** `limits` is the text of `/proc/self/limits`, which only Linux has. */
export const checkOpenFiles = (
  connectionsMax: number,
  limits: () => Promise<string> = () => readFile('/proc/self/limits', 'utf8'),
): Check => ({
  id: 'open-files',
  async run() {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(await limits().catch(() => ''))?.[1];
    if (soft === undefined) return skipped('This system does not say how many files a process may open.');
    const wanted = connectionsMax + otherFilesMax;
    if (soft === 'unlimited' || Number(soft) >= wanted) return ok(`${soft} files may be open.`);
    return warn(
      `${soft} files may be open, and a relay may hold ${connectionsMax} connections.`,
      `Raise it: ulimit -n ${wanted}, or LimitNOFILE=${wanted} in a systemd unit.`,
    );
  },
});

export const checkGpu = (run?: RunProgram): Check => ({
  id: 'gpu',
  async run() {
    const found = await readHardware(run);
    if (!found) return skipped('Neither nvidia-smi nor rocm-smi names a GPU; offers name none.');
    const cards = found.gpus.map(({ name, memoryMiB }) => `${name}, ${Math.round(memoryMiB / 1_024)} GiB`);
    return ok(`${cards.join('; ')}. Offers name ${cards.length === 1 ? 'it' : 'them'} as a claim.`);
  },
});

const inside = new BlockList();
for (const [network, prefix] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['100.64.0.0', 10],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const)
  inside.addSubnet(network, prefix, 'ipv4');
for (const [network, prefix] of [
  ['fc00::', 7],
  ['fe80::', 10],
  ['::1', 128],
] as const)
  inside.addSubnet(network, prefix, 'ipv6');

const ownAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));

/** Whether peers can reach this machine without a relay's help, as far as the machine itself can know. */
export const checkReach = (directPort: number | undefined, addresses = ownAddresses): Check => ({
  id: 'direct-connections',
  async run() {
    const families = addresses().map((address) => [address, isIP(address) === 6 ? 'ipv6' : 'ipv4'] as const);
    const isPublic = families.some(([address, family]) => isIP(address) !== 0 && !inside.check(address, family));
    if (directPort === undefined) {
      return ok(
        isPublic
          ? 'This machine has a public address.'
          : 'This machine has no public address: peers reach it through its relays, and directly where its router allows.',
      );
    }
    const problem = await bindUdp(directPort);
    if (problem !== undefined) {
      const mend =
        problem === 'EADDRINUSE' ? 'Stop what uses it, or give another DIRECT_PORT.' : 'Give one above 1023.';
      return fail(`UDP port ${directPort} cannot be opened (${problem}).`, mend);
    }
    if (isPublic)
      return ok(`UDP port ${directPort} is free. Only a peer outside can tell whether a firewall lets it in.`);
    return warn(
      `UDP port ${directPort} is free, but this machine has no public address.`,
      'Forward the port in the router, or leave DIRECT_PORT out.',
    );
  },
});

/** Resolves with the system's code where it cannot be opened. */
const bindUdp = (port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', (error) => {
      socket.close();
      resolve(causeOf(error));
    });
    socket.bind(port, () => socket.close(() => resolve(undefined)));
  });
