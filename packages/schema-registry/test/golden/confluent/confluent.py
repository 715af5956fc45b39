# Serializes the cases that come on standard input by Confluent's Python serializers, and reads our
# bytes by its deserializers. Called by regenerate.mjs.

import datetime
import decimal
import importlib
import json
import sys
import uuid

from confluent_kafka.schema_registry import (
    Schema,
    SchemaReference,
    SchemaRegistryClient,
    header_schema_id_serializer,
    prefix_schema_id_serializer,
)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory


def value_of(value):
    if isinstance(value, list):
        return [value_of(one) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        tag, content = next(iter(value.items()))
        if tag == "$long":
            return int(content)
        if tag == "$bytes":
            return bytes.fromhex(content)
        if tag == "$date":
            return datetime.date.fromisoformat(content)
        if tag == "$timestamp":
            return datetime.datetime.fromisoformat(content.replace("Z", "+00:00"))
        if tag == "$decimal":
            return decimal.Decimal(content)
    return {name: value_of(one) for name, one in value.items()}


def without_uuids(value):
    if not isinstance(value, dict):
        return value
    return {
        name: str(one) if isinstance(one, uuid.UUID) else one for name, one in value.items()
    }


def message_class(case):
    for module in ["timestamp", "wrappers"]:
        importlib.import_module(f"google.protobuf.{module}_pb2")
    pool = descriptor_pool.DescriptorPool()
    for module in ["timestamp", "wrappers"]:
        found = importlib.import_module(f"google.protobuf.{module}_pb2").DESCRIPTOR
        pool.AddSerializedFile(found.serialized_pb)
    for file in case["descriptors"]:
        pool.AddSerializedFile(bytes.fromhex(file))
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(case["messageType"]))


def schema_of(case):
    references = [SchemaReference(one["name"], one["subject"], 1) for one in case["references"]]
    return Schema(case["text"], case["schemaType"], references)


def serializer_of(case, client, place):
    conf = {
        "auto.register.schemas": False,
        "use.latest.version": True,
        "schema.id.serializer": place,
    }
    if case["schemaType"] == "AVRO":
        return AvroSerializer(client, schema_of(case), conf=conf), value_of(case["value"])
    if case["schemaType"] == "JSON":
        return JSONSerializer(schema_of(case), client, conf=conf), value_of(case["value"])
    kind = message_class(case)
    message = json_format.ParseDict(case["json"], kind())
    return ProtobufSerializer(kind, client, conf=conf), message


def read_of(case, client, context):
    ours = bytes.fromhex(case["ours"])
    if case["schemaType"] == "AVRO":
        return without_uuids(AvroDeserializer(client)(ours, context)) == value_of(case["value"])
    if case["schemaType"] == "JSON":
        return JSONDeserializer(None, schema_registry_client=client)(ours, context) == case["value"]
    kind = message_class(case)
    read = ProtobufDeserializer(kind, {}, client)(ours, context)
    return read == json_format.ParseDict(case["json"], kind())


def main():
    task = json.load(sys.stdin)
    client = SchemaRegistryClient({"url": task["url"]})
    results = []
    for case in task["cases"]:
        context = SerializationContext(case["topic"], MessageField.VALUE, [])
        serializer, value = serializer_of(case, client, prefix_schema_id_serializer)
        prefix = serializer(value, context)
        headers = []
        in_header = SerializationContext(case["topic"], MessageField.VALUE, headers)
        serializer, value = serializer_of(case, client, header_schema_id_serializer)
        payload = serializer(value, in_header)
        header = dict(headers)["__value_schema_id"]
        results.append({
            "name": case["name"],
            "prefix": prefix.hex(),
            "header": header.hex(),
            "payload": payload.hex(),
            "reads": read_of(case, client, context),
        })
    json.dump(results, sys.stdout)


main()
