import { LogError } from '../../errors/log-error.js';
import { KafkaErrorCode } from '../protocol/error-codes.js';

/** What brokers answer for a group of another type, KIP-848 for example. Unknown to the classic protocol otherwise. */
const GROUP_ID_NOT_FOUND = 69;

/** Whether a refused JoinGroup means that members of another kind are in the group. */
export function isForeignGroup(code: number): boolean {
  return code === KafkaErrorCode.INCONSISTENT_GROUP_PROTOCOL || code === GROUP_ID_NOT_FOUND;
}

/** For a group whose members are not instances of this library. */
export function foreignGroup(code: number, groupId: string): LogError {
  return new LogError(
    'fatal',
    'LOG_INCONSISTENT_GROUP_PROTOCOL',
    `Kafka rejected this instance as a member of the group "${groupId}" (error ${code}): its members speak another protocol. ` +
      `Another consumer or Kafka Streams application uses the same group id. See which: kafka-consumer-groups.sh --bootstrap-server <brokers> --describe --group ${groupId} --members. ` +
      `Stop it, or choose another "applicationId".`,
    { details: { kafkaCode: code } },
  );
}
