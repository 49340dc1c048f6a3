import { inWords } from './eventKeys.ts';
import { type Finishing, finish } from './finish.ts';
import type { StoredEvent } from './record.ts';

/**
 * Completes events whose process died between storing them and applying what they add to velocities. Applies exactly
 * what each event stored, which a marker makes harmless where it had been applied. Events younger than `age` ms are
 * left to the process that is at work on them. Gives how many were completed and how many could not be,
 * with the first of these and why.
 */
export async function recover(
  app: Finishing,
  age = 10_000,
): Promise<{ completed: number; failed: number; problem?: string }> {
  const result: Awaited<ReturnType<typeof recover>> = { completed: 0, failed: 0 };
  for await (const { of, read } of app.records.incomplete(app.clock() - age)) {
    let stored: StoredEvent | undefined;
    try {
      stored = await read();
      // deleted since
      if (!stored) continue;
      await finish(app, stored);
      result.completed++;
    } catch (error) {
      result.failed++;
      result.problem ??= `${inWords(stored?.key ?? of)}: ${String(error)}`;
    }
  }
  await app.records.flush();
  return result;
}
