import { describe, expect, it } from 'vitest';
import { stringSerde as serde } from '../../serdes/text-serdes.js';
import { TopologyBuilder } from '../../topology/topology-builder.js';
import type { PauseFile } from '../state-directory/pause-file.js';
import { Pauses, type PauseStorage } from './pauses.js';

const supplier = { create: () => ({ process: () => undefined }) };
const NOTHING: PauseFile = { instance: false, processors: [], tasks: [] };

/** Two sub-topologies: `a` feeds `Left.one`, whose outputs feed `Left.two`; `b` feeds `Right.one`. */
const topology = new TopologyBuilder()
  .addSource({ name: 'a', topic: 'a', key: serde, value: serde })
  .addProcessor({ name: 'Left.one', parents: ['a'], stores: [], prefetch: [], supplier })
  .addProcessor({ name: 'Left.two', parents: ['Left.one'], stores: [], prefetch: [], supplier })
  .addSource({ name: 'b', topic: 'b', key: serde, value: serde })
  .addProcessor({ name: 'Right.one', parents: ['b'], stores: [], prefetch: [], supplier })
  .build({ applicationId: 'app' });

class Storage implements PauseStorage {
  isBroken = false;
  constructor(public file = NOTHING) {}
  load(): PauseFile {
    return this.file;
  }
  save(file: PauseFile): void {
    if (this.isBroken) throw new Error('the disk is full');
    this.file = file;
  }
}

function open(storage = new Storage()): { pauses: Pauses; warnings: string[]; storage: Storage } {
  const warnings: string[] = [];
  const none = (): void => undefined;
  const logger = { debug: none, info: none, error: none, warn: (message: string) => void warnings.push(message) };
  const pauses = new Pauses(topology, storage, logger);
  pauses.open();
  return { pauses, warnings, storage };
}

describe('pauses', () => {
  it('hold the topics from which a paused processor is reached, by its name or that of its class', () => {
    const { pauses } = open();
    for (const processor of ['Left.two', 'Left']) {
      pauses.set({ processor }, true);
      expect([pauses.holds('0_0', 'a'), pauses.holds('1_0', 'b')]).toEqual([true, false]);
      pauses.set({ processor }, false);
      expect(pauses.holds('0_0', 'a')).toBe(false);
    }
  });

  it('end with their own scope only', () => {
    const { pauses } = open();
    pauses.set(undefined, true);
    pauses.set({ task: '0_1' }, true);
    pauses.set(undefined, false);
    expect([pauses.holds('0_0', 'a'), pauses.holds('0_1', 'a')]).toEqual([false, true]);
    expect(pauses.all).toEqual([{ task: '0_1' }]);
  });

  it('are not changed where they cannot be kept', () => {
    const { pauses, storage } = open();
    pauses.set({ processor: 'Right' }, true);
    storage.isBroken = true;
    expect(() => pauses.set(undefined, true)).toThrow('the disk is full');
    expect(() => pauses.set({ processor: 'Right' }, false)).toThrow('the disk is full');
    expect(pauses.all).toEqual([{ processor: 'Right' }]);
  });

  it('of another version of the application are dropped with a warning, and the rest is kept', () => {
    const { pauses, warnings, storage } = open(
      new Storage({ instance: true, processors: ['Gone', 'Left'], tasks: ['0_0', '9_0'] }),
    );
    expect(pauses.all).toEqual(['instance', { processor: 'Left' }, { task: '0_0' }]);
    expect(warnings).toHaveLength(3);
    expect(storage.file).toEqual({ instance: true, processors: ['Left'], tasks: ['0_0'] });
  });
});
