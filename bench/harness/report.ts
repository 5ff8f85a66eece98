import { cpus, totalmem } from 'node:os';

/** One figure of one variant over its repetitions. */
export interface Figure {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly unit: string;
}

/** Figures of one unit that belong side by side. */
export interface Panel {
  readonly title: string;
  readonly bars: readonly PlottedFigure[];
}

export interface PlottedFigure {
  readonly label: string;
  readonly figure: Figure;
  /** What it is compared with is drawn paler. */
  readonly isOurs: boolean;
  /** What it has to keep, in the figure's unit. */
  readonly limit?: number;
}

export interface BenchResult {
  readonly figures: Readonly<Record<string, Figure>>;
  readonly ratios: Readonly<Record<string, number>>;
  /** For a picture; all figures by default. */
  readonly panels?: readonly Panel[];
}

/** Says on stderr how far a bench is. */
export type Progress = (line: string) => void;

export interface Bench {
  readonly name: string;
  run(progress: Progress): Promise<BenchResult>;
}

export function figure(values: readonly number[], unit: string): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted[sorted.length - 1], unit };
}

export function machine(): string {
  const processors = cpus();
  return `${processors.length} x ${processors[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}

export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
