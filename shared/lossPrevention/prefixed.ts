import type { Files } from './files.ts';

/** The files below a prefix, under their names without it: one environment's share of a container. */
export function prefixed(files: Files, prefix: string): Files {
  const whole = (name: string) => prefix + name;
  return {
    list: async function* (start = '') {
      for await (const item of files.list(whole(start)))
        yield { ...item, name: item.name.slice(prefix.length) };
    },
    read: (name) => files.read(whole(name)),
    head: (name, length) => files.head(whole(name), length),
    fetch: (name, path) => files.fetch(whole(name), path),
    write: (name, content, type) => files.write(whole(name), content, type),
    put: (name, path) => files.put(whole(name), path),
    remove: (name) => files.remove(whole(name)),
    lock: (name) => files.lock(whole(name)),
  };
}
