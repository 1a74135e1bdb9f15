/** The in-memory net; see `memory/network.ts`. */
export { createMemoryNetwork, type MemoryNetwork } from './memory/network.ts';
