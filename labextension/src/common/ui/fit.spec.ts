import { describe, expect, it } from 'vitest';

import { fit } from './fit';

describe('things in one row', () => {
  const widths = [50, 40, 30];
  it.each([
    [132, 3, 132],
    [131, 2, 96],
    [100, 1, 50],
    [85, 1, 50],
    [60, 0, 0]
  ])('of which in %d pixels %d are shown', (room, n, width) => {
    expect(fit(widths, 6, room, 24)).toEqual({ n, width });
  });

  it('are all shown where there is room for all, though not for one less and the button', () => {
    expect(fit([50, 10], 6, 66, 24)).toEqual({ n: 2, width: 66 });
  });
});
