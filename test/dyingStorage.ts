import type { Storage } from '../shared/storage/index.ts';

/** The same storage, whose process dies before the write of that number. */
export function dyingStorage(storage: Storage, writes: number): Storage {
  let left = writes;
  const wrap = <T extends object>(inner: T): T =>
    new Proxy(inner, {
      get(target, name) {
        const member = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        if (!['put', 'insert', 'merge', 'remove', 'transact', 'write'].includes(String(name)))
          return member.bind(target);
        return (...args: unknown[]) => {
          if (left-- <= 0) return Promise.reject(new Error('killed'));
          return member.apply(target, args);
        };
      },
    });
  return {
    ...storage,
    table: (name) => wrap(storage.table(name)),
    blobs: (name) => wrap(storage.blobs(name)),
  };
}
