/** Rows with missing values, of which a sample is kept as columns: four bytes a value, since they are many. */
export interface Sample {
  /** Could a row of this order still be kept? */
  admits(order: number): boolean;
  add(order: number, row: readonly (number | null)[]): void;
  /** The rows that were kept, in the order in which they came; NaN is missing. */
  columns(): Float32Array[];
}

/**
 * A sample of rows of so many values: all of up to twice `most`, and of more about `most` to twice that, with the lowest orders.
 * With hashes (32 bits) for orders it is the same whenever it is drawn.
 */
export function openSample(values: number, most: number): Sample {
  const columns = Array.from({ length: values }, () => new Float32Array(2 * most));
  const orders = new Uint32Array(2 * most);
  let rows = 0;
  let limit = 2 ** 32;

  function cut(): void {
    limit = orders.toSorted()[most] ?? limit;
    let kept = 0;
    for (let row = 0; row < rows; row++) {
      if (orders[row]! >= limit) continue;
      orders[kept] = orders[row]!;
      for (const column of columns) column[kept] = column[row]!;
      kept++;
    }
    rows = kept;
  }

  return {
    admits: (order) => order < limit,
    add(order, row) {
      if (order >= limit) return;
      orders[rows] = order;
      for (const [index, column] of columns.entries()) column[rows] = row[index] ?? Number.NaN;
      rows++;
      if (rows === orders.length) cut();
    },
    columns: () => columns.map((column) => column.subarray(0, rows)),
  };
}
