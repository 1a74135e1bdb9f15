/**
 * Names of an object's getters. V8 gives every object literal with a getter a hidden class of its own, in the old generation, which
 * holds the getter and all that it closes over until that generation is collected: what every job makes has none.
 */
export const gettersOf = (made: object): readonly string[] =>
  Object.entries(Object.getOwnPropertyDescriptors(made)).flatMap(([name, { get }]) => (get ? [name] : []));
