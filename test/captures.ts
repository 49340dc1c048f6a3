import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { z } from 'zod';

/** One request of a client (test/data/wire-captures/README.md). */
const captureSchema = z.object({
  source: z.string(),
  method: z.string(),
  path: z.string(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  responseModel: z.array(z.string()),
});

export type Capture = z.infer<typeof captureSchema>;

/** The captures of a folder (`''` or `own/`) by name, without those of the token service. */
export function captures(folder: '' | 'own/'): [string, Capture][] {
  const url = new URL(`./data/wire-captures/${folder}`, import.meta.url);
  return readdirSync(url)
    .filter((name) => name.endsWith('.json'))
    .map((name): [string, Capture] => [
      name.replace('.json', ''),
      captureSchema.parse(JSON.parse(readFileSync(new URL(name, url), 'utf8'))),
    ])
    .filter(([, capture]) => capture.path.startsWith('/'));
}

/** The device attributes of WIRE.md 5.6 and 6. */
const deviceAttributes = [
  'browserUserAgent browserUserAgentLanguages carrier dataNetworkType deviceAsn deviceCity deviceCountryCode deviceId deviceModelName devicePostalCode deviceState deviceSystemVersion ipRoutingType isDeviceEmulator isDeviceRooted isWifiEnabled localIpv4 localIpv6 platform proxy proxyIp proxyLastDetected proxyType realtimeTimezoneOffset sdkType sld tcpDistance timeZone trueIp userAgentBrowser userAgentOperatingSystem userAgentPlatform',
  'trueIp realtimeTimezoneOffset sld timeZone deviceId deviceCountryCode deviceState deviceCity devicePostalCode deviceAsn platform browserUserAgentLanguages browserUserAgent tcpDistance carrier ipRoutingType proxy userAgentPlatform userAgentBrowser userAgentOperatingSystem sdkType userAgentType cookieEnabled fontsCount javaScriptEnabled mimeTypesCount pluginsCount screenResolution timeZoneOffset',
].map((names) => names.split(' '));

/** The names of `a`, `{a,b}`, and `{32 string fields, see WIRE.md}`. */
function namesIn(part: string): string[] {
  const counted = /^\{(\d+) string fields/.exec(part)?.[1];
  if (counted === undefined) return part.replace(/[{}]/g, '').split(',');
  const names = deviceAttributes.find(({ length }) => length === Number(counted));
  if (!names) throw new Error(`there is no list of ${counted} device attributes`);
  return names;
}

/**
 * The places that a client reads, each as the names that lead there. Captures write them as `a.b[].c`, several members of an
 * object as `a.{b,c}`, members of any name as `<any>`.
 */
function placesRead({ responseModel }: Capture): string[][] {
  return responseModel.flatMap((path) => {
    // the sample shop reads this one in any casing; of the answer it is the outer member
    if (path.startsWith('ResultDetails (object')) return [['resultDetails']];
    const parts = path.match(/\{[^}]*\}|[^.{}]+/g) ?? [];
    return namesIn(parts.at(-1) ?? '').map((name) => [...parts.slice(0, -1), name]);
  });
}

/** The values at a place: as many as the lists on the way have. */
function valuesAt(value: unknown, [part, ...rest]: readonly string[]): unknown[] {
  if (part === undefined) return [value];
  const name = part.replace('[]', '');
  const object = z.record(z.string(), z.unknown()).parse(value);
  if (!name.startsWith('<') && !(name in object)) throw new Error(`the answer has no ${name}`);
  const members = name.startsWith('<') ? Object.values(object) : [object[name]];
  return members.flatMap((member) =>
    part.endsWith('[]')
      ? z
          .array(z.unknown())
          // texts there may be none of, but a list of objects that is empty would show nothing
          .min(rest.length === 0 ? 0 : 1)
          .parse(member)
          .flatMap((item) => valuesAt(item, rest))
      : valuesAt(member, rest),
  );
}

/** The JSON type the client's reader needs (WIRE.md 4, 5.6, 6), by the member's name. */
function typeNeeded(name: string): z.ZodType {
  switch (name.toLowerCase()) {
    case 'riskscore':
    case 'scorevalue':
      return z.int();
    case 'succeeded':
    case 'istest':
      return z.boolean();
    case 'timestamp':
    case 'processeddatetime':
      return z.iso.datetime();
    case 'diagnostics':
      return z.record(z.string(), z.array(z.unknown()));
    case 'resultdetails':
    case 'customproperties':
    case 'other':
      return z.union([z.object({}), z.array(z.unknown())]);
    case 'decision':
    case 'merchantruledecision':
      return z.enum(['Approve', 'Reject', 'Review', 'Challenge']);
    case 'scoretype':
      return z.enum(['Bot', 'Risk']);
    case 'bankname':
      return z.null();
    default:
      return z.string();
  }
}

/** Fails unless the answer has each member that the client reads, in its casing and with the JSON type it needs. */
export function expectWhatIsRead(capture: Capture, answer: unknown): void {
  for (const place of placesRead(capture)) {
    const type = typeNeeded(place.at(-1)?.replace('[]', '') ?? '');
    for (const value of valuesAt(answer, place))
      expect(type.safeParse(value).success, `${place.join('.')}: ${JSON.stringify(value)}`).toBe(true);
  }
}

/** The answer in ways that its client would stumble over: each member it reads in another casing, and of another type. */
export function* spoilt(capture: Capture, answer: unknown): Generator<[what: string, answer: unknown]> {
  for (const place of placesRead(capture)) {
    const name = place.at(-1)?.replace('[]', '') ?? '';
    const swapped = name.replace(/^./, (letter) =>
      letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
    );
    if (!name.startsWith('<'))
      yield [`${place.join('.')} as ${swapped}`, changed(answer, place, (value) => [swapped, value])];
    yield [`${place.join('.')} of another type`, changed(answer, place, (value) => [name, otherType(value)])];
  }
}

function otherType(value: unknown): unknown {
  return typeof value === 'string' || value === null ? 7 : 'seven';
}

/** A copy in which `change` gives the member at a place another name or value, wherever the place occurs. */
function changed(
  value: unknown,
  [part = '', ...rest]: readonly string[],
  change: (value: unknown) => [name: string, value: unknown],
): unknown {
  if (Array.isArray(value)) return value.map((item) => changed(item, [part, ...rest], change));
  const object = z.record(z.string(), z.unknown()).parse(value);
  const name = part.replace('[]', '');
  return Object.fromEntries(
    Object.entries(object).map(([key, member]) => {
      if (!name.startsWith('<') && key !== name) return [key, member];
      if (rest.length > 0) return [key, changed(member, rest, change)];
      const [changedName, changedValue] = change(member);
      return [name.startsWith('<') ? key : changedName, changedValue];
    }),
  );
}
