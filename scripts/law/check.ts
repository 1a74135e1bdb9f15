import { posix } from 'node:path';
import { createRequire } from 'node:module';
import { readImports, type ImportName } from './imports.ts';

interface Law {
  readonly rooms: Readonly<Record<string, readonly string[]>>;
  readonly typesOf: Readonly<Record<string, readonly string[]>>;
  readonly places: readonly (readonly [string, string])[];
  readonly relayRooms: readonly string[];
  readonly vendors: Readonly<Record<string, readonly string[]>>;
}

export const law = createRequire(import.meta.url)('../../architecture.cjs') as Law;

/** The room a file belongs to; undefined if none, which is also a violation. */
export const roomOf = (file: string): string | undefined => law.places.find(([prefix]) => file.startsWith(prefix))?.[1];

/** The rule violations in one file, as sentences. `file` is relative to the root. */
export function checkFile(file: string, source: string): readonly string[] {
  const room = roomOf(file);
  if (!room) return [`${file} belongs to no room`];
  if (law.rooms[room]!.includes('*') || file.endsWith('.test.ts')) return [];
  return readImports(source).flatMap(({ specifier, form }) => {
    const target = resolve(file, specifier);
    return target === undefined ? checkVendor(file, room, specifier) : checkRoom(file, room, target, form);
  });
}

/** The dependencies between rooms that a file adds, for the diagram. */
export function roomEdges(file: string, source: string): readonly string[] {
  const room = roomOf(file);
  return readImports(source).flatMap(({ specifier }) => {
    const target = resolve(file, specifier);
    const other = target === undefined ? undefined : roomOf(target);
    return other && other !== room ? [`${room} ${other}`] : [];
  });
}

function resolve(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('#lib/')) return `src/lib/${specifier.slice('#lib/'.length)}`;
  if (specifier.startsWith('#contracts/')) return `contracts/generated/${specifier.slice('#contracts/'.length)}`;
  if (specifier.startsWith('.')) return posix.join(posix.dirname(file), specifier);
  return undefined;
}

function checkRoom(file: string, room: string, target: string, form: ImportName['form']): readonly string[] {
  if (/\.(css|json|svg)(\?.*)?$/.test(target)) return [];
  const other = roomOf(target);
  if (!other)
    return /(^|\/)\$types(\.js)?$/.test(target) ? [] : [`${file} imports ${target}, which belongs to no room`];
  const open = [...law.rooms[room]!, ...(form === 'type' ? (law.typesOf[room] ?? []) : [])];
  if (isDouble(target) && !isDouble(file)) return [`${file} imports ${target}, which is for tests only`];
  if (other !== room && !open.includes(other)) return [`${file}: ${room} may not import ${other} (${target})`];
  const [from, to] = [innerRoom(file), innerRoom(target)];
  if (from && to && from !== to) return [`${file}: relay/${from} may not import relay/${to}`];
  return [];
}

/** Doubles and scenes stand beside what they are for, and no program may hold one. */
const isDouble = (file: string): boolean => file.endsWith('.fixture.ts');

function innerRoom(file: string): string | undefined {
  return law.relayRooms.find((name) => file.startsWith(`relay/${name}/`));
}

function checkVendor(file: string, room: string, specifier: string): readonly string[] {
  const name = Object.keys(law.vendors).find((vendor) => {
    if (vendor === 'node:*') return specifier.startsWith('node:');
    return vendor.endsWith('/*')
      ? specifier.startsWith(vendor.slice(0, -1))
      : specifier === vendor || specifier.startsWith(`${vendor}/`);
  });
  if (!name) return [`${file} imports ${specifier}, a vendor without an entry in architecture.cjs`];
  const doors = law.vendors[name]!;
  const open = doors.some(
    (door) => door === '*' || door === room || (door.includes('/') && file.startsWith(`${door}/`)),
  );
  return open ? [] : [`${file}: ${specifier} may be imported only in ${doors.join(', ')}`];
}
