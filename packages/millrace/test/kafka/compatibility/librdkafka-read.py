"""Reads a topic with librdkafka's consumer from the beginning to its end: one record a line, as
JSON with bytes in base64. Arguments: brokers, topic, isolation level."""

import base64
import json
import sys

from confluent_kafka import Consumer, KafkaError, TopicPartition

brokers, topic, isolation = sys.argv[1:4]
consumer = Consumer(
    {
        "bootstrap.servers": brokers,
        "group.id": "unused",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "isolation.level": isolation,
    }
)


def encode(data):
    return None if data is None else base64.b64encode(data).decode()


partitions = consumer.list_topics(topic, timeout=20).topics[topic].partitions
consumer.assign([TopicPartition(topic, each, 0) for each in partitions])
unread = set(partitions)
while unread:
    message = consumer.poll(90)
    if message is None:
        sys.exit(f"nothing more came, but partitions {sorted(unread)} are not at their end")
    error = message.error()
    if error is None:
        record = {
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": message.timestamp()[1],
            "key": encode(message.key()),
            "value": encode(message.value()),
            "headers": [
                {"key": key, "value": encode(value)} for key, value in message.headers() or []
            ],
        }
        print(json.dumps(record))
    elif error.code() == KafkaError._PARTITION_EOF:
        unread.discard(message.partition())
    else:
        sys.exit(str(error))
consumer.close()
