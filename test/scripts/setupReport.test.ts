import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createProgressBar, say, watchWaiting } from '../../scripts/setup/report.mjs';

let written: string;
let stop: () => void;
const { isTTY, columns } = process.stderr;
const stream = (terminal: boolean, width = 80) =>
  Object.assign(process.stderr, { isTTY: terminal, columns: width });

beforeEach(() => {
  jest.useFakeTimers();
  written = '';
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written += text;
    return true;
  });
  stop = watchWaiting();
});
afterEach(() => {
  stop();
  jest.restoreAllMocks();
  jest.useRealTimers();
  Object.assign(process.stderr, { isTTY, columns });
});

describe('what is being waited for is said', () => {
  test('on a terminal every second in one line, which the next line ends', () => {
    stream(true);
    say('npm packages: installing ...');
    jest.advanceTimersByTime(2000);
    say('ready after 2 s');
    jest.advanceTimersByTime(5000);
    expect(written).toBe(
      'haet set-up: npm packages: installing ...' +
        '\rhaet set-up: npm packages: installing ... 1 s' +
        '\rhaet set-up: npm packages: installing ... 2 s' +
        '\nhaet set-up: ready after 2 s\n',
    );
  });

  test('on a narrow terminal in a line that does not wrap', () => {
    stream(true, 20);
    say('npm packages: installing ...');
    written = '';
    jest.advanceTimersByTime(1000);
    expect(written).toBe('\rhaet set-up: np 1 s');
  });

  test('on a terminal until a progress bar takes over', () => {
    stream(true);
    say('a wheel: downloading ...');
    const bar = createProgressBar(1e6);
    jest.advanceTimersByTime(1000);
    bar.update(5e5);
    jest.advanceTimersByTime(3000);
    bar.stop();
    expect(written.split('\n')).toEqual([
      'haet set-up: a wheel: downloading ...\rhaet set-up: a wheel: downloading ... 1 s',
      expect.stringMatching(/^\r {2}\[#{15}-{15}\] 1 MB of 1 MB, 1 s$/),
      '',
    ]);
  });

  test('elsewhere every ten seconds in a new line, also between tenths of a download', () => {
    stream(false);
    say('a wheel: downloading ...');
    jest.advanceTimersByTime(19_000);
    createProgressBar(1e6).update(2e5);
    jest.advanceTimersByTime(10_000);
    expect(written).toBe(
      'haet set-up: a wheel: downloading ...\n' +
        'haet set-up: a wheel: 10 s so far\n' +
        'haet set-up:   20 % of 1 MB\n' +
        'haet set-up: a wheel: 29 s so far\n',
    );
  });

  test('until set-up ends, which ends the line for its error or the shell', () => {
    stream(true);
    say('npm packages: installing ...');
    stop();
    jest.advanceTimersByTime(5000);
    expect(written).toBe('haet set-up: npm packages: installing ...\n');
  });
});
