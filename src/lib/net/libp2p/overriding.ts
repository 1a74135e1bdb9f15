/** The same object with one member overridden. A proxy rather than a copy, because libp2p's components are stateful. */
export const overriding = <T extends object, K extends keyof T>(object: T, member: K, value: () => T[K]): T =>
  new Proxy(object, {
    get(target, name) {
      if (name === member) return value();
      const own: unknown = Reflect.get(target, name);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
