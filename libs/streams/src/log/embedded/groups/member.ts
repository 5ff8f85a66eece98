import type { CancelTimer } from '../../../time/clock.js';
import type { RequestOf, ResponseOf } from '../../protocol/messages.js';

type JoinRequest = RequestOf<'joinGroup'>;

/** An answer that is given later, once. */
export class Parked<T> {
  readonly answered: Promise<T>;
  private resolve!: (answer: T) => void;

  constructor() {
    this.answered = new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  answer(answer: T): void {
    this.resolve(answer);
  }
}

/** A member as its group's coordinator knows it. */
export class Member {
  assignment: Uint8Array = new Uint8Array(0);
  joining: Parked<ResponseOf<'joinGroup'>> | undefined;
  syncing: Parked<ResponseOf<'syncGroup'>> | undefined;
  cancelSession: CancelTimer | undefined;

  constructor(
    readonly memberId: string,
    private request: JoinRequest,
  ) {}

  get instanceId(): string | null {
    return this.request.instanceId;
  }

  get sessionTimeoutMs(): number {
    return this.request.sessionTimeoutMs;
  }

  get rebalanceTimeoutMs(): number {
    return this.request.rebalanceTimeoutMs;
  }

  get protocols(): JoinRequest['protocols'] {
    return this.request.protocols;
  }

  update(request: JoinRequest): void {
    this.request = request;
  }

  metadata(protocol: string): Uint8Array {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? new Uint8Array(0);
  }

  /** Whether `request` says the same as the last join. */
  isUnchangedBy(request: JoinRequest): boolean {
    return (
      request.protocols.length === this.protocols.length &&
      request.protocols.every(({ name, metadata }, i) => {
        const known = this.protocols[i]!;
        return known.name === name && Buffer.compare(known.metadata, metadata) === 0;
      })
    );
  }

  /** Ends whatever this member waits for. */
  refuse(error: number): void {
    this.joining?.answer(refusedJoin(error, this.memberId));
    this.syncing?.answer({ error, assignment: new Uint8Array(0) });
    this.joining = undefined;
    this.syncing = undefined;
    this.cancelSession?.();
  }
}

export function refusedJoin(error: number, memberId = ''): ResponseOf<'joinGroup'> {
  return { error, generationId: -1, protocol: null, leaderId: '', memberId, members: [] };
}
