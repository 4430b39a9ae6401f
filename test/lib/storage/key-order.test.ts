import { describe, expect, it } from '@jest/globals';
import { compareKeys } from '../../../lib/storage/key-order.ts';

describe('compareKeys', () => {
  it('orders by UTF-8 bytes, where JavaScript would put an emoji before a full-width letter', () => {
    const keys = ['😀', '\uff21', 'é', 'b', 'a/b', 'a.csv', 'a'];

    expect([...keys].sort(compareKeys)).toEqual(['a', 'a.csv', 'a/b', 'b', 'é', '\uff21', '😀']);
    expect([...keys].sort(compareKeys)).not.toEqual([...keys].sort());
  });
});
