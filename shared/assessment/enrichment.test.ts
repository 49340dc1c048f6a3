import { describe, expect, it } from 'vitest';
import { compileRules } from '../fql/index.ts';
import { deviceService } from './enrichment.ts';

const code = `OBSERVE Output(
  country = Device.GetAttributes(@"deviceContext.deviceContextId").deviceCountryCode.AsString(),
  other = Device.GetFullAttributes("another session").deviceCountryCode.AsString(),
  picked = Device.GetSelectedAttributes(@"deviceContext.deviceContextId", "trueIp", "platform"),
  speed = Device.GetSpeedOfTravel(@"deviceContext.deviceContextId"))`;

describe('the device of an event', () => {
  it('is known to rules by the session that the event names, and by no other', () => {
    const payload = { deviceContext: { deviceContextId: 'd1' }, deviceAttributes: { platform: 'Windows' } };
    const enrichment = { deviceAttributes: { trueIp: '203.0.113.7', deviceCountryCode: 'US' } };
    const { program } = compileRules([{ name: 'R', clauses: [{ name: 'c', code }] }], { environment: 'e' });
    const result = program?.run({ payload, enrichment, now: 0, device: deviceService(payload, enrichment) });
    expect(result?.done && result.outcome.outputs.c).toEqual({
      country: 'US',
      other: '',
      picked: { trueIp: '203.0.113.7', platform: 'Windows' },
      speed: 0,
    });
  });
});
