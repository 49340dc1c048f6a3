/** An environment with those below it. */
interface Node {
  id: string;
  children: readonly Node[];
}

/** Every root environment with the ids of all environments of its tree, itself included. */
export function treesOf(nodes: readonly Node[]): { root: string; environments: string[] }[] {
  const idsOf = ({ id, children }: Node): string[] => [id, ...children.flatMap(idsOf)];
  return nodes.map((root) => ({ root: root.id, environments: idsOf(root) }));
}
