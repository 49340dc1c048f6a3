import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { botScore } from './botScore.ts';

const browser =
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';

const of = (agent: string, more: object = {}) =>
  botScore({ deviceContext: { httpUserAgent: agent, ...more } }, {});

describe('the bot score', () => {
  it('is 0, and says why, where an event tells nothing of its client', () => {
    expect(botScore({ user: { userId: 'u' } }, {})).toEqual({ score: 0, reason: 'NO_DEVICE_DATA' });
    expect(botScore({}, { deviceAttributes: { trueIp: '203.0.113.1' } }).score).toBe(0);
  });

  it('is low for a browser and high for scripts, headless browsers and crawlers', () => {
    expect(of(browser).score).toBeLessThan(100);
    for (const agent of [
      'curl/8.5.0',
      'python-requests/2.32',
      browser.replace('Chrome/', 'HeadlessChrome/'),
      'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)',
    ])
      expect(of(agent).score, agent).toBeGreaterThan(700);
  });

  it('rises where JavaScript or cookies are off, and with failed sign-ins', () => {
    expect(of(browser, { enabledJavaScript: false }).score).toBeGreaterThan(of(browser).score);
    expect(of(browser, { enabledCookies: false }).score).toBeGreaterThan(
      of(browser, { enabledCookies: true }).score,
    );
    const failed = (count: number) =>
      botScore({ signInHistory: { failedSignInAttemptsFromCurrentIpAddress: count } }, {}).score;
    expect(failed(60)).toBeGreaterThan(failed(12));
    expect(failed(12)).toBeGreaterThan(failed(0));
  });

  it('is an integer from 0 to 999 for any event', () => {
    fc.assert(
      fc.property(fc.object(), fc.dictionary(fc.string(), fc.string()), (event, deviceAttributes) => {
        const { score } = botScore(event, { deviceAttributes });
        expect(Number.isInteger(score) && score >= 0 && score <= 999).toBe(true);
      }),
    );
  });
});
