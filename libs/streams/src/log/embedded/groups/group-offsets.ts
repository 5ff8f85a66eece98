import type { TopicPartition } from '../../log.js';
import type { Journal } from '../storage/journal.js';

export interface CommittedOffset extends TopicPartition {
  readonly offset: number;
  readonly metadata: string | null;
}

/** An offset as the storage keeps it. */
export interface OffsetRecord extends CommittedOffset {
  readonly groupId: string;
}

/** The committed offsets of all groups. */
export class GroupOffsets {
  private readonly groups = new Map<string, Map<string, CommittedOffset>>();

  constructor(private readonly journal: Journal) {}

  get(groupId: string, { topic, partition }: TopicPartition): CommittedOffset | undefined {
    return this.groups.get(groupId)?.get(`${topic}-${partition}`);
  }

  commit(groupId: string, offset: CommittedOffset): void {
    const record = { groupId, ...offset };
    this.restore(record);
    this.journal.put('offset', nameOf(groupId, offset), record);
  }

  restore({ groupId, ...offset }: OffsetRecord): void {
    let offsets = this.groups.get(groupId);
    if (offsets === undefined) this.groups.set(groupId, (offsets = new Map()));
    offsets.set(`${offset.topic}-${offset.partition}`, offset);
  }

  /** Offsets of a topic that is gone would be taken for those of its successor. */
  forgetTopic(topic: string): void {
    for (const [groupId, offsets] of this.groups) {
      for (const [key, offset] of offsets) {
        if (offset.topic !== topic) continue;
        offsets.delete(key);
        this.journal.delete('offset', nameOf(groupId, offset));
      }
    }
  }

  /** Deletes all offsets of a group, as Kafka does when `offsets.retention.minutes` have passed. */
  forgetGroup(groupId: string): void {
    for (const offset of this.groups.get(groupId)?.values() ?? [])
      this.journal.delete('offset', nameOf(groupId, offset));
    this.groups.delete(groupId);
  }
}

function nameOf(groupId: string, { topic, partition }: TopicPartition): string {
  return `${groupId}\0${topic}\0${partition}`;
}
