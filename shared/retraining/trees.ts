/** An environment with those below it. */
interface Node {
  id: string;
  children: readonly Node[];
}

/** A root environment with the ids of all environments of its tree, itself included. */
export interface Tree {
  root: string;
  environments: readonly string[];
}

/** The trees of every root environment. */
export function treesOf(nodes: readonly Node[]): Tree[] {
  const idsOf = ({ id, children }: Node): string[] => [id, ...children.flatMap(idsOf)];
  return nodes.map((root) => ({ root: root.id, environments: idsOf(root) }));
}
