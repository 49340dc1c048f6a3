import { doubleToInt } from '../runtime/numbers.ts';
import { jsonToBoolean, jsonToDate, jsonToDouble, jsonToInt } from '../runtime/values.ts';
import type { Type } from '../type.ts';
import { fn, type Member } from './member.ts';

const bool = (b: boolean) => (b ? 1 : 0);
const same = (x: unknown) => x;

function to(
  name: string,
  from: Type,
  result: Type,
  run: Member['run'],
  example: Member['example'],
  faults?: string,
  inline?: string,
): Member {
  return fn(
    'Convert',
    name,
    [['value', from]],
    result,
    run,
    `The value as ${result === 'Int32' ? 'an' : 'a'} ${result}.`,
    example,
    {
      lift: 'map',
      ...(faults === undefined ? {} : { faults }),
      ...(inline === undefined ? {} : { inline }),
    },
  );
}

/** Casts. An attribute is read as the type itself, so that a missing one is the type's default. */
export const convert: readonly Member[] = [
  to('ToInt32', 'Double', 'Int32', doubleToInt, ['Convert.ToInt32(2.5)', 2], 'a number outside Int32'),
  to(
    'ToInt32',
    'String',
    'Int32',
    jsonToInt,
    ['Convert.ToInt32("98052")', 98052],
    'text that is no whole number of 32 bits',
  ),
  to('ToInt32', 'Boolean', 'Int32', bool, ['Convert.ToInt32(true)', 1]),
  to('ToDouble', 'Double', 'Double', same, ['Convert.ToDouble(7) / 2', 3.5], undefined, '$0'),
  to(
    'ToDouble',
    'String',
    'Double',
    jsonToDouble,
    ['Convert.ToDouble("250.5")', 250.5],
    'text that is no number',
  ),
  to('ToDouble', 'Boolean', 'Double', bool, ['Convert.ToDouble(true)', 1]),
  to(
    'ToDateTime',
    'DateTime',
    'DateTime',
    same,
    ['Convert.ToDateTime(@"user.creationDate").ToString("yyyy-MM-dd")', '2020-02-25'],
    undefined,
    '$0',
  ),
  to(
    'ToDateTime',
    'String',
    'DateTime',
    jsonToDate,
    ['Convert.ToDateTime("2024-05-01")', '2024-05-01T00:00:00Z'],
    'text that is no date',
  ),
  to('ToBoolean', 'Boolean', 'Boolean', same, ['Convert.ToBoolean(true)', true], undefined, '$0'),
  to(
    'ToBoolean',
    'Double',
    'Boolean',
    (x: number) => x !== 0,
    ['Convert.ToBoolean(0)', false],
    undefined,
    '($0 !== 0)',
  ),
  to(
    'ToBoolean',
    'String',
    'Boolean',
    jsonToBoolean,
    ['Convert.ToBoolean("true")', true],
    'text that is neither true nor false',
  ),
  fn(
    'Convert',
    'ToString',
    [['value', 'Text']],
    'String',
    (s: string) => s,
    'The value as a String.',
    ['Convert.ToString(250.0)', '250'],
    { lift: 'map', inline: '$0' },
  ),
];
