import type { TaskState } from '../instance-status.js';

/**
 *   created -> restoring -> running <-> suspended -> closed
 *     | |        | |  ^        |          |  |  |       ^
 *     | |        | |  +--------+----------+  |  |       |
 *     | +--------+-+-----------+-------------+--+-------+
 *     +---> standby <-----------------------+
 *             +--> restoring, closed
 *
 * A suspended task goes back through `restoring`: another instance may have owned it meanwhile, and only the changelog's end tells.
 */
export const TASK_TRANSITIONS = {
  created: ['restoring', 'standby', 'closed'],
  standby: ['restoring', 'closed'],
  restoring: ['running', 'suspended', 'closed'],
  running: ['suspended', 'restoring', 'closed'],
  suspended: ['restoring', 'standby', 'closed'],
  closed: [],
} as const satisfies Record<TaskState, readonly TaskState[]>;
