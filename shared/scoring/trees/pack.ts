import type { Forest } from './forest.ts';

const HEADER_BYTES = 12;
const NODE_BYTES = 8 + 8 + 8 + 4 + 2 + 1;

/** A forest as bytes (little-endian): counts of features, trees and nodes, then the roots and the node arrays. */
export function packForest(forest: Forest): Uint8Array {
  const nodes = forest.feature.length;
  const trees = forest.roots.length;
  const bytes = new Uint8Array(HEADER_BYTES + 4 * trees + NODE_BYTES * nodes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, forest.features, true);
  view.setUint32(4, trees, true);
  view.setUint32(8, nodes, true);
  let at = HEADER_BYTES;
  for (const root of forest.roots) {
    view.setUint32(at, root, true);
    at += 4;
  }
  for (let node = 0; node < nodes; node++) {
    view.setFloat64(at, forest.threshold[node]!, true);
    view.setFloat64(at + 8, forest.value[node]!, true);
    view.setFloat64(at + 16, forest.cover[node]!, true);
    view.setInt32(at + 24, forest.left[node]!, true);
    view.setInt16(at + 28, forest.feature[node]!, true);
    view.setUint8(at + 30, forest.missingLeft[node]!);
    at += NODE_BYTES;
  }
  return bytes;
}

/** Bytes that are no forest; the message says what is wrong with them. */
export class ForestFormatError extends Error {}

function refuse(reason: string): never {
  throw new ForestFormatError(`The packed trees are damaged: ${reason}.`);
}

/**
 * Reads what `packForest` wrote. Children must stand after their parent, each node has one way to it, and every
 * number must be sound, so that a damaged forest can neither loop nor read beyond its arrays. Throws ForestFormatError.
 */
export function unpackForest(bytes: Uint8Array): Forest {
  if (bytes.length < HEADER_BYTES) refuse('they end within the header');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const features = view.getUint32(0, true);
  const trees = view.getUint32(4, true);
  const nodes = view.getUint32(8, true);
  if (features > 32_767) refuse(`they are for ${features} features`);
  if (bytes.length !== HEADER_BYTES + 4 * trees + NODE_BYTES * nodes)
    refuse(`${trees} trees of ${nodes} nodes do not take ${bytes.length} bytes`);
  const forest: Forest = {
    features,
    roots: new Int32Array(trees),
    feature: new Int16Array(nodes),
    threshold: new Float64Array(nodes),
    left: new Int32Array(nodes),
    missingLeft: new Uint8Array(nodes),
    value: new Float64Array(nodes),
    cover: new Float64Array(nodes),
  };
  let at = HEADER_BYTES;
  const reached = new Uint8Array(nodes);
  const reach = (node: number) => {
    if (reached[node] === 1) refuse(`two ways lead to node ${node}`);
    reached[node] = 1;
  };
  for (let tree = 0; tree < trees; tree++, at += 4) {
    const root = view.getUint32(at, true);
    if (root >= nodes) refuse(`tree ${tree} begins at node ${root} of ${nodes}`);
    reach(root);
    forest.roots[tree] = root;
  }
  for (let node = 0; node < nodes; node++, at += NODE_BYTES) {
    const feature = view.getInt16(at + 28, true);
    const left = view.getInt32(at + 24, true);
    const threshold = view.getFloat64(at, true);
    const value = view.getFloat64(at + 8, true);
    const cover = view.getFloat64(at + 16, true);
    if (feature >= features) refuse(`node ${node} splits on feature ${feature} of ${features}`);
    if (feature >= 0 && (left <= node || left + 1 >= nodes)) refuse(`node ${node} has child ${left}`);
    if (feature >= 0) {
      reach(left);
      reach(left + 1);
    }
    if (Number.isNaN(threshold) || !Number.isFinite(value) || !(cover > 0))
      refuse(`node ${node} holds a number that no training gives`);
    forest.feature[node] = feature;
    forest.left[node] = left;
    forest.threshold[node] = threshold;
    forest.value[node] = value;
    forest.cover[node] = cover;
    forest.missingLeft[node] = view.getUint8(at + 30);
  }
  return forest;
}
