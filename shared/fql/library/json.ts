import { asArray, asJson, asObject, field, isArray, isObject, sameJson } from '../runtime/json.ts';
import {
  isMissing,
  jsonText,
  jsonToBoolean,
  jsonToDate,
  jsonToDouble,
  jsonToInt,
  jsonToString,
  type Response,
} from '../runtime/values.ts';
import type { Json } from '../types.ts';
import { fn, type Member, method } from './member.ts';

function matches(item: Json, key: string, value: Json): boolean {
  if (!isObject(item)) return false;
  const found = field(item, key, key.toLowerCase());
  return (
    sameJson(found, value) ||
    (!isMissing(found) && !isObject(found) && !isArray(found) && jsonText(found) === jsonText(value))
  );
}

/** The elements to search: an array's, or a single object as the only one. */
const elements = (target: Json, site: number): readonly Json[] =>
  isObject(target) ? [target] : asArray(target, site);

function getValue(target: Json, key: string, value: Json, wanted: string, site: number): Json {
  const found = elements(target, site).find((item) => matches(item, key, value));
  return field(found, wanted, wanted.toLowerCase());
}

function getValues(target: Json, key: string, value: Json, site: number): Json {
  return elements(target, site).filter((item) => matches(item, key, value));
}

/** What GetDiagnostics gives: the names of the documentation. */
function diagnostics(response: Response): Json {
  const d = response.diagnostics;
  return {
    Request: asJson(d.request),
    Endpoint: asJson(d.endpoint),
    HttpStatusCode: asJson(d.httpStatusCode),
    ErrorMessage: asJson(d.errorMessage),
    Latency: asJson(d.latency),
  };
}

const J = 'Json';
const group = '@@"group".AsJsonArray()';

export const json: readonly Member[] = [
  method(
    J,
    'AsString',
    [],
    'String',
    jsonToString,
    'The value as a String; null is "".',
    ['@@"group[0].item1".AsString()', 'a'],
    { faults: 'an object or array' },
  ),
  method(
    J,
    'AsInt',
    [],
    'Int32',
    jsonToInt,
    'The value as an Int32; null is 0.',
    ['@@"zipcode".AsInt()', 98052],
    { faults: 'no whole number of 32 bits' },
  ),
  method(
    J,
    'AsDouble',
    [],
    'Double',
    jsonToDouble,
    'The value as a Double; null is 0.',
    ['@@"totalAmount".AsDouble()', 250.5],
    { faults: 'no number' },
  ),
  method(
    J,
    'AsBool',
    [],
    'Boolean',
    jsonToBoolean,
    'The value as a Boolean; null is false.',
    ['@@"email.isEmailValidated".AsBool()', true],
    { faults: 'neither true nor false', lift: 'map' },
  ),
  method(
    J,
    'AsDateTime',
    [],
    'DateTime',
    jsonToDate,
    'The value as a DateTime; null is 0001-01-01.',
    ['@@"user.creationDate".AsDateTime().Year', 2020],
    { faults: 'no date' },
  ),
  method(
    J,
    'AsJsonArray',
    [],
    J,
    asArray,
    'The value as an array; null is an empty one.',
    ['@@"tags".AsJsonArray()', ['new', 'gift']],
    { faults: 'no array' },
  ),
  method(
    J,
    'AsJsonObject',
    [],
    J,
    asObject,
    'The value as an object (an array stays one); null is an empty one.',
    ['@@"email".AsJsonObject().emailValue.AsString()', 'kayla@contoso.com'],
    { faults: 'a text, number or Boolean' },
  ),
  method(J, 'ToStr', [], 'String', jsonText, 'The value as text; an object or array as JSON.', [
    '{ a: 1 }.ToStr()',
    '{"a":1}',
  ]),
  method(J, 'ToString', [], 'String', jsonText, 'The value as text; an object or array as JSON.', [
    '[1, 2].ToString()',
    '[1,2]',
  ]),
  method(
    'Response',
    'GetDiagnostics',
    [],
    J,
    diagnostics,
    'How the call went: Request, Endpoint (calls only), HttpStatusCode, ErrorMessage, Latency (ms).',
    ['External.myCall("x").GetDiagnostics().HttpStatusCode.AsInt()', 200],
  ),
  fn(
    'Array',
    'GetValue',
    [
      ['array', J],
      ['matchKey', 'String'],
      ['matchValue', 'Any'],
      ['lookupKey', 'String'],
    ],
    J,
    getValue,
    'A field of the first element whose matchKey is matchValue; null if there is none.',
    [`Array.GetValue(${group}, "item1", "a", "item2").AsString()`, 'a1'],
    { faults: 'neither an array nor an object' },
  ),
  fn(
    'Array',
    'GetValues',
    [
      ['array', J],
      ['matchKey', 'String'],
      ['matchValue', 'Any'],
    ],
    J,
    getValues,
    'The elements whose matchKey is matchValue.',
    [`Array.GetValues(${group}, "item1", "b")[0].item2.AsString()`, 'b1'],
    { faults: 'neither an array nor an object' },
  ),
];
