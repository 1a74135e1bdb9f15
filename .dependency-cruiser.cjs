const { rooms, typesOf, places, relayRooms, vendors } = require('./architecture.cjs');

const escape = (text) => text.replace(/[.*+?^${}()|[\]\\$]/g, '\\$&');
const pathsOf = (room) => places.filter(([, name]) => name === room).map(([prefix]) => `^${escape(prefix)}`);
const doorPath = (door) => (door.includes('/') ? [`^${escape(door)}/`] : pathsOf(door));
const testFiles = '\\.test\\.ts$';
const doubles = '\\.fixture\\.ts$';
const free = ['scripts', 'tests'].flatMap(pathsOf);

const roomRules = Object.entries(rooms)
  .filter(([, may]) => !may.includes('*'))
  .map(([room, may]) => ({
    name: `room-${room}`,
    severity: 'error',
    comment: `${room} may import ${may.join(', ') || 'nothing'}`,
    from: { path: pathsOf(room), pathNot: testFiles },
    to: {
      path: Object.keys(rooms)
        .filter((other) => other !== room && !may.includes(other) && !typesOf[room]?.includes(other))
        .flatMap(pathsOf),
    },
  }));

const typeRules = Object.entries(typesOf).map(([room, may]) => ({
  name: `types-${room}`,
  severity: 'error',
  comment: `${room} may import types of ${may.join(', ')}, and nothing else`,
  from: { path: pathsOf(room), pathNot: testFiles },
  to: { path: may.flatMap(pathsOf), dependencyTypesNot: ['type-only'] },
}));

const relayRules = relayRooms.map((inner) => ({
  name: `relay-${inner}`,
  severity: 'error',
  comment: `relay/${inner} does not know its neighbours`,
  from: { path: `^relay/${inner}/`, pathNot: testFiles },
  to: { path: relayRooms.filter((other) => other !== inner).map((other) => `^relay/${other}/`) },
}));

const vendorRules = Object.entries(vendors)
  .filter(([name, doors]) => !doors.includes('*') && !/^[$#]/.test(name))
  .map(([name, doors]) => ({
    name: `door-${name}`,
    severity: 'error',
    comment: `${name} comes in through ${doors.join(', ')}`,
    from: { path: '^(src|workers|relay|contracts)/', pathNot: [...doors.flatMap(doorPath), ...free, testFiles] },
    to:
      name === 'node:*'
        ? { dependencyTypes: ['core'] }
        : { path: `(^|/)node_modules/${escape(name.replace(/\/\*$/, ''))}/` },
  }));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-doubles',
      severity: 'error',
      comment: 'doubles and scenes are for tests, and for other doubles',
      from: { path: '^(src|workers|relay|contracts)/', pathNot: [testFiles, doubles] },
      to: { path: doubles },
    },
    ...roomRules,
    ...typeRules,
    ...relayRules,
    ...vendorRules,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(build|\\.svelte-kit|artifacts|cache|messages/compiled)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'browser', 'svelte', 'default', 'types'],
    },
  },
};
