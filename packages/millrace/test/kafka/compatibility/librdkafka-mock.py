"""librdkafka's mock cluster, as the Python client starts it: prints its brokers and librdkafka's
version as one line of JSON, and ends when its standard input closes."""

import json
import sys

from confluent_kafka import Producer, libversion

settings = {
    "bootstrap.servers": "unused:1",
    "test.mock.num.brokers": 3,
}
producer = Producer(settings)
brokers = producer.list_topics(timeout=10).brokers.values()
addresses = [f"{broker.host}:{broker.port}" for broker in brokers]
print(json.dumps({"brokers": addresses, "version": libversion()[0]}), flush=True)
sys.stdin.read()
