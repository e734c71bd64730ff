import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseCpuList } from '../../../../evaluator/sandbox/linux/cpuList.ts';

test('a CPU list yields each CPU of each range', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200), { minLength: 1 }), (ids) => {
      const sorted = [...ids].sort((a, b) => a - b);
      const ranges: string[] = [];
      for (let at = 0; at < sorted.length; ) {
        let end = at;
        while (sorted[end + 1] === sorted[end]! + 1) end += 1;
        ranges.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
        at = end + 1;
      }
      expect(parseCpuList(ranges.join(','))).toEqual(sorted);
    }),
  );
});
