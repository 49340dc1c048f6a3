/**
 * How Azurite's databases (Loki) are kept in files. Loki's own way makes one string of all, every five seconds: with 300 MB of tables
 * Azurite answered nothing for three of them, and at 512 MB, the longest string of V8, it would have ended. Here a database
 * is a line for each of its documents, and is saved the less often the longer that takes.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { rename } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

interface Database {
  collections: { data: unknown[] }[];
}

/** A part of Loki 1.5, of which Azurite brings no types. */
export interface Loki extends Database {
  autosave: boolean;
  autosaveHandle: NodeJS.Timeout | null;
  serialize(): string;
  autosaveDirty(): boolean;
  saveDatabase(callback: (error?: unknown) => void): void;
}

export interface LokiClass {
  prototype: {
    configureOptions(this: Loki, options: object | undefined, initial: boolean): void;
    autosaveEnable(this: Loki): void;
  };
}

const pieceLength = 1 << 20;

/** The database without its documents, then a line for each document: the place of its collection, and itself. */
function linesOf(database: Database & { serialize(): string }): Buffer[] {
  const contents = database.collections.map(({ data }) => data);
  for (const collection of database.collections) collection.data = [];
  const pieces: Buffer[] = [];
  let piece = `${database.serialize()}\n`;
  for (const [index, documents] of contents.entries())
    for (const document of documents) {
      piece += `${JSON.stringify([index, document])}\n`;
      if (piece.length < pieceLength) continue;
      pieces.push(Buffer.from(piece));
      piece = '';
    }
  pieces.push(Buffer.from(piece));
  return pieces;
}

async function write(file: string, pieces: Buffer[]): Promise<void> {
  const unfinished = `${file}~`;
  await pipeline(Readable.from(pieces), createWriteStream(unfinished));
  await rename(unfinished, file);
}

/** Reads what `write` wrote, and Loki's own files: those have one line, with all documents. */
async function read(file: string): Promise<Database | undefined> {
  let database: Database | undefined;
  const take = (line: string) => {
    if (database === undefined) {
      database = JSON.parse(line);
      return;
    }
    const [index, document]: [number, unknown] = JSON.parse(line);
    database.collections[index]?.data.push(document);
  };
  let rest: Buffer[] = [];
  for await (const chunk of createReadStream(file, { highWaterMark: pieceLength })) {
    let from = 0;
    // by bytes: to a reader of lines U+2028 would end one, too
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      take(Buffer.concat([...rest, chunk.subarray(from, end)]).toString());
      rest = [];
      from = end + 1;
    }
    rest.push(chunk.subarray(from));
  }
  const last = Buffer.concat(rest).toString();
  if (last !== '') take(last);
  return database;
}

/** Loki's adapter; in this mode Loki notes what changes while it is written as not yet saved. */
const adapter = {
  mode: 'incremental',
  loadDatabase(file: string, callback: (found: unknown) => void): void {
    read(file).then(callback, (error: unknown) => callback(new Error(`${file} is damaged: ${error}`)));
  },
  saveDatabase(
    file: string,
    copy: () => Database & { serialize(): string },
    callback: (error?: unknown) => void,
  ): void {
    write(file, linesOf(copy())).then(() => callback(), callback);
  },
};

const leastWaitMs = 5000;
/** Saving takes a tenth of the time at most. */
const waitFactor = 10;

/** Makes Loki keep the databases that would go into files in this way. */
export function keepInLines({ prototype }: LokiClass): void {
  const { configureOptions } = prototype;
  prototype.configureOptions = function (options, initial) {
    const inFile = options && 'persistenceMethod' in options && options.persistenceMethod === 'fs';
    configureOptions.call(this, inFile ? { ...options, adapter } : options, initial);
  };
  prototype.autosaveEnable = function () {
    this.autosave = true;
    const saveAfter = (ms: number) => {
      this.autosaveHandle = setTimeout(save, ms);
    };
    const save = () => {
      if (!this.autosaveDirty()) return saveAfter(leastWaitMs);
      const began = performance.now();
      this.saveDatabase((error) => {
        if (error) throw error;
        // none where it was closed meanwhile
        if (this.autosaveHandle) saveAfter(Math.max(leastWaitMs, waitFactor * (performance.now() - began)));
      });
    };
    saveAfter(leastWaitMs);
  };
}
