import { describe, expect, it } from 'vitest';
import { panelsOf, plot } from './plot.js';

const figure = (min: number, median: number, max: number, unit = 'ms') => ({ min, median, max, unit });
const widths = (svg: string): number[] =>
  Array.from(svg.matchAll(/<rect [^>]* width="([\d.]+)"/g), ([, w]) => Number(w));

describe('a plot', () => {
  it('draws each panel from 0 to its greatest value or limit, and says medians in numbers', () => {
    const bars = [
      { label: 'ours', figure: figure(1, 2, 4), isOurs: true, limit: 8 },
      { label: 'theirs', figure: figure(2, 4, 4), isOurs: false },
    ];
    const svg = plot('two', [{ title: 'p99', bars }]);
    const [ours, theirs] = widths(svg);
    expect(theirs / ours).toBe(2);
    expect(svg.match(/class="limit" x1="(\d+)"/)?.[1]).toBe(String(330 + 420));
    expect(svg).toContain('>p99, ms<');
    expect(svg).toContain('>2</text>');
  });

  it('writes names as text', () => {
    const svg = plot('a < b & c', [{ title: '<x>', bars: [{ label: '"y"', figure: figure(1, 1, 1), isOurs: true }] }]);
    expect(svg).toContain('<title>a &lt; b &amp; c</title>');
    expect(svg).toContain('&lt;x&gt;, ms');
  });

  it('has a panel for each unit where a bench names none', () => {
    const panels = panelsOf({
      figures: { a: figure(1, 1, 1), b: figure(1, 1, 1, 'MiB'), c: figure(2, 2, 2) },
      ratios: {},
    });
    expect(panels.map(({ bars }) => bars.map(({ label }) => label))).toEqual([['a', 'c'], ['b']]);
  });
});
