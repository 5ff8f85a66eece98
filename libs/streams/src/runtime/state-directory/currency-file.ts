import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CurrencyTimes } from '../restore/store-currency.js';
import { replaceFile } from './replace-file.js';

/** Reads `currency.json` in the application's folder. A file that is missing or unreadable makes stores restore, which is always right. */
export function loadCurrencyFile(folder: string): CurrencyTimes {
  try {
    const times = JSON.parse(readFileSync(pathOf(folder), 'utf8')) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries(times).filter((entry): entry is [string, number] => Number.isFinite(entry[1])),
    );
  } catch {
    return {};
  }
}

/** @throws StateDirectoryError, DiskFullError */
export function saveCurrencyFile(folder: string, times: CurrencyTimes): void {
  replaceFile(pathOf(folder), times);
}

function pathOf(folder: string): string {
  return join(folder, 'currency.json');
}
