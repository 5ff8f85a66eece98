import { rounded, type BenchResult, type Panel, type PlottedFigure } from './report.js';

const WIDTH = 860;
const LABEL_WIDTH = 330;
const VALUE_WIDTH = 110;
const BAR_HEIGHT = 14;
const ROW_HEIGHT = 24;
const TITLE_HEIGHT = 42;
const SCALE_WIDTH = WIDTH - LABEL_WIDTH - VALUE_WIDTH;
const STYLE = `
  svg { background: #fff; font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .ours { fill: #b3143e; } .other { fill: #9aa4af; }
  .spread { stroke: #24292f; } .limit { stroke: #24292f; stroke-dasharray: 3 3; }
  .note { fill: #6a737d; font-size: 11px; }
  @media (prefers-color-scheme: dark) {
    svg { background: #0d1117; fill: #e6edf3; } .ours { fill: #e0234e; } .spread, .limit { stroke: #e6edf3; }
  }`;

/** Draws bars of medians with lines from the least to the greatest value, as a picture in SVG. Each panel has a scale of its own, from 0. */
export function plot(heading: string, panels: readonly Panel[]): string {
  const parts: string[] = [];
  let y = 28;
  parts.push(text(16, y, heading, 'title'));
  for (const panel of panels) {
    y += TITLE_HEIGHT;
    parts.push(text(16, y - 12, `${panel.title}, ${panel.bars[0]?.figure.unit ?? ''}`, 'title'));
    const greatest = Math.max(...panel.bars.flatMap(({ figure, limit = 0 }) => [figure.max, limit]));
    for (const bar of panel.bars) {
      parts.push(row(bar, y, SCALE_WIDTH / greatest));
      y += ROW_HEIGHT;
    }
  }
  y += 24;
  parts.push(text(16, y, 'Bars: medians. Lines: least to greatest of the rounds. Dashed: limit.', 'note'));
  const height = y + 16;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<style>${STYLE}\n</style>`,
    `<title>${escape(heading)}</title>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

/** Of a bench that names no panels: all of its figures, by unit. */
export function panelsOf({ figures }: BenchResult): Panel[] {
  const units = new Map<string, PlottedFigure[]>();
  for (const [label, figure] of Object.entries(figures)) {
    const bars = units.get(figure.unit) ?? [];
    bars.push({ label, figure, isOurs: true });
    units.set(figure.unit, bars);
  }
  return Array.from(units.values(), (bars) => ({ title: 'All figures', bars }));
}

function row({ label, figure, isOurs, limit }: PlottedFigure, y: number, pixels: number): string {
  const middle = y + BAR_HEIGHT / 2;
  const at = (value: number): number => rounded(LABEL_WIDTH + value * pixels);
  return [
    text(LABEL_WIDTH - 10, middle + 4, label, '', 'end'),
    `<rect class="${isOurs ? 'ours' : 'other'}" x="${LABEL_WIDTH}" y="${y}" width="${rounded(figure.median * pixels)}" height="${BAR_HEIGHT}"/>`,
    line('spread', at(figure.min), middle, at(figure.max), middle),
    ...(limit === undefined ? [] : [line('limit', at(limit), y - 4, at(limit), y + BAR_HEIGHT + 4)]),
    text(WIDTH - 16, middle + 4, rounded(figure.median).toLocaleString('en'), '', 'end'),
  ].join('\n');
}

function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${kind}" x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}"/>`;
}

function text(x: number, y: number, words: string, kind: string, anchor = 'start'): string {
  return `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escape(words)}</text>`;
}

function escape(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
