import { readEventLine } from '../events/eventLine.ts';
import { decisionOf, type Origin, type Staged, stage } from './staged.ts';

/** Reads a line of past events, with the decision that an export has. The ids are worked out from the event again. */
export function readLine(text: string, origin: Origin, now: number): Staged {
  const read = readEventLine(text);
  if (!read.ok) return read;
  const { body, line, ...envelope } = read.event;
  const answer = 'answer' in line ? line.answer : undefined;
  return stage(body, { ...envelope, decision: decisionOf(answer) }, origin, now);
}
