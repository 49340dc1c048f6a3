import { describe, expect, test } from 'vitest';
import { parseOptions } from './options.ts';
import { StartProblem } from './problem.ts';

describe('the flags of npm start', () => {
  test('are those of the documentation where absent', () => {
    expect(parseOptions([], '/home/one/holdfast')).toEqual({
      port: 7071,
      issuerPort: 7072,
      storagePorts: { blob: 10000, queue: 10001, table: 10002 },
      data: '/home/one/holdfast/.holdfast',
      auth: false,
    });
  });

  test('are read', () => {
    const flags = '--port=1 --issuer-port 2 --storage-ports 3,4,5 --data /tmp/x --auth'.split(' ');
    expect(parseOptions(flags, '/')).toEqual({
      port: 1,
      issuerPort: 2,
      storagePorts: { blob: 3, queue: 4, table: 5 },
      data: '/tmp/x',
      auth: true,
    });
  });

  test('may ask for help', () => {
    expect(parseOptions(['--help'], '/')).toBeUndefined();
  });

  test.each([
    [['--prot', '1'], "Unknown option '--prot': npm start -- --help lists the flags"],
    [['7071'], "Unexpected argument '7071'"],
    [['--port'], "Option '--port <value>' argument missing"],
    [['--port', 'x'], "--port: 'x' is no port: a number from 1 to 65535"],
    [['--port', '0'], "--port: '0' is no port"],
    [['--port', '65536'], "--port: '65536' is no port"],
    [['--storage-ports', '1,2'], '--storage-ports takes three ports'],
    [['--storage-ports', '1,2,'], "--storage-ports: '' is no port"],
    [['--port', '7072'], 'the port 7072 is given twice'],
    [['--data', ''], '--data takes a folder'],
  ])('%j is refused: %s', (args, message) => {
    expect(() => parseOptions(args, '/')).toThrow(StartProblem);
    expect(() => parseOptions(args, '/')).toThrow(message);
  });
});
