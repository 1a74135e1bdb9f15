/** The net without a network: see `memory/network.ts`. */
export { createMemoryNetwork, type MemoryNetwork } from './memory/network.ts';
