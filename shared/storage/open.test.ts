import { describe, expect, it } from 'vitest';
import { openStorage } from './open.ts';

describe('openStorage', () => {
  it.each([
    { connectionString: 'UseDevelopmentStorage=true' },
    {
      connectionString:
        'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5;EndpointSuffix=core.windows.net',
    },
    { accountName: 'a' },
    { accountName: 'a', clientId: '00000000-0000-0000-0000-000000000000' },
  ])('opens %j without a call, and the same thing under the same name', (settings) => {
    const storage = openStorage(settings);
    expect(storage.table('things').name).toBe('things');
    expect(storage.blobs('things').container).toBe('things');
    expect(storage.queue('things').name).toBe('things');
    expect(storage.table('things')).toBe(storage.table('things'));
  });

  it('refuses what is no connection string', () => {
    expect(() => openStorage({ connectionString: 'nonsense' })).toThrow();
  });
});
