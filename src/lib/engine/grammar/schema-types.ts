/** A JSON Schema object, as opposed to the schemas `true` and `false`. */
export type Schema = Readonly<Record<string, unknown>>;

/** The types a schema lists or, if it lists none, those its keywords apply to. */
export function typesOf(schema: Schema): readonly string[] {
  const { type } = schema;
  if (Array.isArray(type)) return type.map(String);
  if (typeof type === 'string') return [type];
  if (type !== undefined) return ['unknown'];
  return implied.filter(([, words]) => words.some((word) => word in schema)).map(([name]) => name);
}

const implied: readonly (readonly [string, readonly string[]])[] = [
  ['object', ['properties', 'required', 'additionalProperties']],
  ['array', ['items', 'minItems', 'maxItems']],
  ['string', ['minLength', 'maxLength', 'format']],
  ['number', ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']],
];

/** The JSON Schema type of a value: `integer` rather than `number` where both apply. */
export function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

/** Whether some value might match two of the schemas, judging by types and by constants of required properties. */
export function overlaps(schemas: readonly unknown[]): boolean {
  return schemas.some((a, index) => schemas.slice(index + 1).some((b) => !apart(a, b)));
}

function apart(a: unknown, b: unknown): boolean {
  const [left, right] = [shapeOf(a), shapeOf(b)];
  if (!left || !right) return false;
  const shared = left.types.filter((type) => right.types.includes(type));
  if (shared.length === 0) return true;
  if (left.values && right.values) return left.values.every((value) => !right.values!.includes(value));
  if (shared.some((type) => type !== 'object')) return false;
  return [...left.constants].some(([name, values]) => {
    const others = right.constants.get(name);
    return others !== undefined && values.every((value) => !others.includes(value));
  });
}

/** What is known about a schema's values; undefined if nothing is. */
function shapeOf(schema: unknown) {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return undefined;
  const known = schema as Schema;
  const values = valuesOf(known);
  const types = (values ? values.map((value) => typeOf(JSON.parse(value))) : typesOf(known)).map((type) =>
    type === 'integer' ? 'number' : type,
  );
  if (types.length === 0) return undefined;
  const required: readonly unknown[] = Array.isArray(known['required']) ? known['required'] : [];
  const properties = Object.entries((known['properties'] as Schema | undefined) ?? {});
  const constants = new Map(
    properties.flatMap(([name, property]) => {
      const allowed = typeof property === 'object' && property !== null ? valuesOf(property as Schema) : undefined;
      return allowed && required.includes(name) ? [[name, allowed] as const] : [];
    }),
  );
  return { types, values, constants };
}

function valuesOf(schema: Schema): readonly string[] | undefined {
  if (Array.isArray(schema['enum'])) return schema['enum'].map((value) => JSON.stringify(value));
  return 'const' in schema ? [JSON.stringify(schema['const'])] : undefined;
}
