import type { Type } from '../type.ts';
import { charSets } from './charset.ts';
import { convert } from './convert.ts';
import { dates } from './dates.ts';
import { json } from './json.ts';
import { math } from './math.ts';
import type { Member } from './member.ts';
import { numbers } from './numbers.ts';
import { patterns } from './patterns.ts';
import { services } from './services.ts';
import { strings } from './strings.ts';
import { texts } from './texts.ts';
import { timespans } from './timespans.ts';

/** Every member of the library, family by family. */
export const library: readonly Member[] = [
  ...math,
  ...dates,
  ...timespans,
  ...convert,
  ...strings,
  ...texts,
  ...charSets,
  ...numbers,
  ...json,
  ...patterns,
  ...services,
];

const byReceiver = new Map<string, Member[]>();
const byOwner = new Map<string, Member[]>();
for (const member of library) {
  const map = member.receiver === undefined ? byOwner : byReceiver;
  const key = `${member.owner.toLowerCase()}.${member.name.toLowerCase()}`;
  map.set(key, [...(map.get(key) ?? []), member]);
}

/** The overloads of a member that is called on a value of a type. */
export function membersOf(receiver: Type, name: string): readonly Member[] {
  return byReceiver.get(`${receiver.toLowerCase()}.${name.toLowerCase()}`) ?? [];
}

/** The overloads of `Owner.Name`; owner '' for functions that stand alone. */
export function staticMembers(owner: string, name: string): readonly Member[] {
  return byOwner.get(`${owner.toLowerCase()}.${name.toLowerCase()}`) ?? [];
}

/** The words that stand before a dot, as the library writes them. */
export const owners: readonly string[] = [
  ...new Set(library.filter((m) => m.receiver === undefined && m.owner !== '').map((m) => m.owner)),
];

export function namesOn(receiver: Type): string[] {
  return [...new Set(library.filter((m) => m.receiver === receiver).map((m) => m.name))];
}

export function namesUnder(owner: string): string[] {
  const lower = owner.toLowerCase();
  return [
    ...new Set(
      library.filter((m) => m.receiver === undefined && m.owner.toLowerCase() === lower).map((m) => m.name),
    ),
  ];
}

const numbersByMember = new Map(library.map((member, i) => [member, i]));

/** The number of a member in `library`, by which generated code finds it. */
export function memberNumber(member: Member): number {
  return numbersByMember.get(member) ?? -1;
}
