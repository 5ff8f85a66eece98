#!/usr/bin/env python3
"""Writes libs/streams/src/log/testing/librdkafka-partitions.json: the partitions that a real client on librdkafka gives to keys.

    python3 -m venv .cache/librdkafka && .cache/librdkafka/bin/pip install confluent-kafka==2.16.1
    .cache/librdkafka/bin/python scripts/librdkafka-partitions.py

The producers write to the mock cluster of librdkafka, which confirms the partition of each record. No broker is needed. The mock cluster gives every topic
the same number of partitions, so other counts come from the partitioner functions of the same library.
"""
import ctypes, glob, json, os, random
import confluent_kafka
from confluent_kafka import Producer

PARTITIONERS = ['murmur2', 'murmur2_random', 'consistent', 'consistent_random', 'fnv1a', 'fnv1a_random']
COUNTS = [1, 2, 7, 12, 1000, 2**31 - 1]

random.seed(18)
KEYS = [f'customer-{n}'.encode() for n in range(20)] + ['grün'.encode(), '😀'.encode(), b'\x00', b'\xff' * 9]
KEYS += [bytes(random.randrange(256) for _ in range(length)) for length in range(1, 33)]

here = os.path.dirname(confluent_kafka.__file__)
library = ctypes.CDLL(glob.glob(os.path.join(here, '..', 'confluent_kafka.libs', 'librdkafka-*'))[0])


def computed(partitioner, key, count):
    function = getattr(library, f'rd_kafka_msg_partitioner_{partitioner}')
    function.restype = ctypes.c_int32
    return function(None, key, ctypes.c_size_t(len(key)), ctypes.c_int32(count), None, None)


def confirmed(config):
    producer = Producer({'bootstrap.servers': 'unused', 'test.mock.num.brokers': 1, **config})
    partitions = [None] * len(KEYS)

    def confirm(index):
        def delivered(error, message):
            if error is not None:
                raise RuntimeError(str(error))
            partitions[index] = message.partition()
        return delivered

    for index, key in enumerate(KEYS):
        producer.produce('orders', key=key, value=b'1', on_delivery=confirm(index))
    producer.flush(30)
    return partitions, len(producer.list_topics('orders').topics['orders'].partitions)


written, sizes = {}, set()
for name, config in [('default', {})] + [(name, {'partitioner': name}) for name in PARTITIONERS]:
    written[name], size = confirmed(config)
    sizes.add(size)
assert len(sizes) == 1
answer = {
    'librdkafka': confluent_kafka.libversion()[0],
    'keys': [key.hex() for key in KEYS],
    'written': {'partitionCount': sizes.pop(), 'partitions': written},
    'computed': [
        {'partitionCount': count, 'partitions': {name: [computed(name, key, count) for key in KEYS] for name in PARTITIONERS}}
        for count in COUNTS
    ],
}
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'libs', 'streams', 'src', 'log', 'testing')
os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, 'librdkafka-partitions.json'), 'w') as file:
    json.dump(answer, file)
    file.write('\n')
