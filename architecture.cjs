/**
 * The law of the house, as one table. dependency-cruiser reads it (.dependency-cruiser.cjs), tests/architecture.test.ts
 * reads it, and the diagram in docs/ARCHITECTURE.md is drawn beside it.
 */

const lib = ['base', 'protocol', 'storage', 'engine', 'net', 'market', 'pay', 'trust', 'peer'];

/** Room → the rooms it may import besides itself. */
const rooms = {
  base: [],
  protocol: ['base'],
  storage: ['base'],
  engine: ['base', 'protocol'],
  net: ['base', 'protocol'],
  market: ['base', 'protocol'],
  pay: ['base', 'protocol', 'contracts'],
  trust: ['base', 'protocol'],
  peer: ['base', 'protocol', 'storage', 'engine', 'net', 'market', 'pay', 'trust'],
  boot: [...lib, 'workers'],
  state: ['base', 'protocol', 'peer'],
  ui: ['base', 'protocol', 'state'],
  widget: ['base', 'protocol', 'state', 'ui'],
  routes: ['base', 'protocol', 'state', 'ui', 'boot', 'widget'],
  workers: ['base', 'protocol', 'engine'],
  relay: lib,
  contracts: [],
  scripts: ['*'],
  tests: ['*'],
};

/** Room → the rooms it may import types of, and nothing that runs: what the pages are shown has one shape, in `state`. */
const typesOf = { boot: ['state'] };

/** Where each room lies, most specific first. */
const places = [
  ...[
    'base',
    'protocol',
    'storage',
    'engine',
    'net',
    'market',
    'pay',
    'trust',
    'peer',
    'boot',
    'state',
    'ui',
    'widget',
  ].map((room) => [`src/lib/${room}/`, room]),
  ['src/routes/', 'routes'],
  ['src/service-worker.ts', 'routes'],
  ['src/app.d.ts', 'routes'],
  ['workers/', 'workers'],
  ['relay/', 'relay'],
  ['contracts/', 'contracts'],
  ['scripts/', 'scripts'],
  ['tests/', 'tests'],
];

/** Rooms inside the relay that do not know each other; the files beside them compose them. */
const relayRooms = ['gateway', 'native', 'ledger', 'node', 'telemetry', 'hub'];

/** Package (exact, or a scope ending in `/*`) → the rooms and folders with a door for it. */
const vendors = {
  libp2p: ['net', 'relay/node'],
  '@libp2p/*': ['net', 'relay/node'],
  '@chainsafe/*': ['net', 'relay/node'],
  '@multiformats/*': ['net', 'relay/node'],
  viem: ['pay', 'contracts'],
  mppx: ['pay'],
  '@wagmi/*': ['pay'],
  '@bitauth/*': ['pay'],
  secp256k1: ['relay'],
  '@mlc-ai/*': ['workers'],
  '@wllama/*': ['workers'],
  'quickjs-emscripten-core': ['workers'],
  '@jitl/*': ['workers'],
  'pdfjs-dist': ['workers'],
  'eventsource-parser': ['engine'],
  'node-llama-cpp': ['relay/native'],
  hono: ['relay/gateway'],
  '@hono/*': ['relay/gateway'],
  'rate-limiter-flexible': ['relay/gateway'],
  ioredis: ['relay/gateway'],
  'prom-client': ['relay/telemetry'],
  kysely: ['relay/ledger'],
  pg: ['relay/ledger'],
  pino: ['relay'],
  '@clack/*': ['relay/init'],
  idb: ['storage'],
  '@ipld/*': ['protocol'],
  multiformats: ['protocol'],
  '@noble/*': ['protocol', 'trust', 'engine', 'pay'],
  zod: ['*'],
  svelte: ['state', 'ui', 'widget', 'routes'],
  '@sveltejs/*': ['routes'],
  '$app/*': ['routes'],
  '$service-worker': ['routes'],
  '#messages': ['ui', 'widget', 'routes'],
  '#texts/*': ['ui'],
  '#language': ['ui', 'widget', 'routes'],
  'bits-ui': ['ui', 'routes'],
  minisearch: ['state'],
  marked: ['ui', 'widget'],
  dompurify: ['ui', 'widget'],
  shiki: ['ui'],
  katex: ['ui'],
  '@fontsource-variable/*': ['routes'],
  'node:*': ['relay'],
  hardhat: ['contracts'],
  '@nomicfoundation/*': ['contracts'],
};

module.exports = { rooms, typesOf, places, relayRooms, vendors };
