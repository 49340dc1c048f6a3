import { isbot } from 'isbot';
import { at, numberAt, textAt } from './scorecardReads.ts';

/** The points of a sign, at most one of a family: several headers that say the same are one piece of evidence. */
interface Sign {
  points: number;
  reason: string;
}

/** Where a session starts of which something is known, and how many points double the odds. */
const basePoints = -80;
const pointsToDouble = 20;

const headless = /headless|phantomjs|electron|puppeteer|playwright|selenium|webdriver|slimerjs/i;
const scripted =
  /^(curl|wget|python|java|okhttp|go-http|axios|node|ruby|perl|libwww|postman|httpie|apache-http)/i;

function userAgent(event: object, attributes: Readonly<Record<string, string>>): string | undefined {
  return (
    attributes.browserUserAgent ||
    textAt(event, 'deviceContext', 'httpUserAgent') ||
    textAt(event, 'device', 'httpUserAgent') ||
    textAt(event, 'deviceContext', 'userAgentDetails') ||
    textAt(event, 'device', 'userAgentDetails')
  )?.slice(0, 1024);
}

function agentSign(agent: string | undefined): Sign | undefined {
  if (agent === undefined) return undefined;
  if (headless.test(agent)) return { points: 130, reason: 'HEADLESS_BROWSER' };
  if (scripted.test(agent)) return { points: 130, reason: 'SCRIPTED_CLIENT' };
  if (isbot(agent)) return { points: 110, reason: 'KNOWN_BOT' };
  return { points: -10, reason: 'BROWSER' };
}

function flagSign(
  event: object,
  attribute: string | undefined,
  name: string,
  reason: string,
): Sign | undefined {
  const stated = at(event, 'deviceContext', name) ?? at(event, 'device', name);
  const word = attribute?.toLowerCase();
  const on = typeof stated === 'boolean' ? stated : word ? word === 'true' || word === '1' : undefined;
  return on === undefined ? undefined : on ? { points: -4, reason } : { points: 60, reason: `NO_${reason}` };
}

function attemptsSign(event: object): Sign | undefined {
  const attempts = numberAt(event, 'signInHistory', 'failedSignInAttemptsFromCurrentIpAddress');
  if (attempts === undefined) return undefined;
  const points = attempts >= 50 ? 110 : attempts >= 10 ? 70 : attempts >= 4 ? 30 : 0;
  return { points, reason: points > 0 ? 'FAILED_ATTEMPTS' : 'FEW_ATTEMPTS' };
}

function emulatorSign(attributes: Readonly<Record<string, string>>): Sign | undefined {
  const word = attributes.isDeviceEmulator?.toLowerCase();
  return word === 'true' || word === '1' ? { points: 60, reason: 'EMULATOR' } : undefined;
}

/**
 * How likely it is that no person sent the event, from 0 to 999: a scorecard over what the event itself tells of its client
 * (user agent, JavaScript and cookies, failed sign-ins from its address, emulators), with points as log-odds as in the risk
 * scorecard. Where the event tells nothing of that the score is 0 and the reason says so; it then means "not known".
 */
export function botScore(
  event: { readonly [name: string]: unknown },
  context: { deviceAttributes?: Readonly<Record<string, string>> },
): { score: number; reason: string } {
  const attributes = context.deviceAttributes ?? {};
  const signs = [
    agentSign(userAgent(event, attributes)),
    flagSign(event, attributes.javaScriptEnabled, 'enabledJavaScript', 'JAVASCRIPT'),
    flagSign(event, attributes.cookieEnabled, 'enabledCookies', 'COOKIES'),
    attemptsSign(event),
    emulatorSign(attributes),
  ].filter((sign) => sign !== undefined);
  if (signs.length === 0) return { score: 0, reason: 'NO_DEVICE_DATA' };
  const points = signs.reduce((sum, sign) => sum + sign.points, basePoints);
  const reasons = signs.filter((sign) => sign.points > 0).sort((one, other) => other.points - one.points);
  return {
    score: Math.round(999 / (1 + 2 ** (-points / pointsToDouble))),
    reason: reasons.map(({ reason }) => reason).join(',') || 'NO_SIGNS',
  };
}
