export type { ChangesOptions, StoreChange } from './changes.js';
export { StreamsProblem } from './problem.js';
export type {
  CountOptions,
  EntriesOptions,
  GapOptions,
  RangeOptions,
  ReadOptions,
  ScanOptions,
  UnreachablePartition,
} from './requests.js';
export { StoreClient, type Entry, type Page } from './store-client.js';
export { StreamsClient, type StoreTypes, type StreamsClientOptions } from './streams-client.js';
