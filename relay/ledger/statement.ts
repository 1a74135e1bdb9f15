import type { CompiledQuery } from 'kysely';

/** Values of one execution, by the names that the statement was built with. */
export type Statement<Name extends string, Row> = (
  values: Readonly<Record<Name, string | bigint | null>>,
) => CompiledQuery<Row>;

/**
 * A statement that is built once, since building one costs several times what running it does. `build` gets a mark for each
 * value, which stands in its place.
 */
export function statement<Name extends string, Row>(
  names: readonly Name[],
  build: (marks: Readonly<Record<Name, never>>) => { compile(): CompiledQuery<Row> },
): Statement<Name, Row> {
  const marks = Object.fromEntries(names.map((name) => [name, Object(Symbol(name))])) as Record<Name, never>;
  const compiled = build(marks).compile();
  const order = compiled.parameters.map((mark) => {
    const name = names.find((one) => marks[one] === mark);
    if (name === undefined) throw new Error(`a value of "${compiled.sql}" is fixed`);
    return name;
  });
  return (values) => ({ ...compiled, parameters: order.map((name) => values[name]) });
}
