/** The net without a network: see `memory/network.ts`. */
export { createMemoryNetwork, type MemoryNetwork } from './memory/network.ts';
export type { MemoryNetInput } from './memory/net.ts';
export type { Weather } from './memory/weather.ts';
