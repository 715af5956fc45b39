// Serializes the cases that come on standard input by Confluent's Java serializers for Kafka, which
// use the registry of the task: with the schema's id in front and with its GUID in a header. Their
// deserializers read these bytes and Millrace's, and must find the same. Called by regenerate.mjs.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.util.JsonFormat;
import io.confluent.kafka.schemaregistry.ParsedSchema;
import io.confluent.kafka.schemaregistry.SchemaProvider;
import io.confluent.kafka.schemaregistry.avro.AvroSchemaProvider;
import io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import io.confluent.kafka.schemaregistry.client.SchemaRegistryClient;
import io.confluent.kafka.schemaregistry.json.JsonSchemaProvider;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchema;
import io.confluent.kafka.schemaregistry.protobuf.ProtobufSchemaProvider;
import io.confluent.kafka.serializers.KafkaAvroDeserializer;
import io.confluent.kafka.serializers.KafkaAvroSerializer;
import io.confluent.kafka.serializers.NonRecordContainer;
import io.confluent.kafka.serializers.SerializerWithSchema;
import io.confluent.kafka.serializers.json.KafkaJsonSchemaDeserializer;
import io.confluent.kafka.serializers.json.KafkaJsonSchemaSerializer;
import io.confluent.kafka.serializers.protobuf.KafkaProtobufDeserializer;
import io.confluent.kafka.serializers.protobuf.KafkaProtobufSerializer;
import io.confluent.kafka.serializers.schema.id.HeaderSchemaIdSerializer;
import io.confluent.kafka.serializers.schema.id.PrefixSchemaIdSerializer;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Deserializer;

public final class ConfluentBytes {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String HEADER = "__value_schema_id";

  public static void main(String[] args) throws Exception {
    JsonNode task = JSON.readTree(System.in);
    ArrayNode results = JSON.createArrayNode();
    for (JsonNode one : task.get("cases")) {
      String url = task.get("url").asText();
      ObjectNode result = results.addObject();
      result.put("name", one.get("name").asText());
      try {
        serialize(url, one, result);
      } catch (Exception error) {
        System.err.println(one.get("name").asText());
        error.printStackTrace();
        result.put("error", String.valueOf(error));
      }
    }
    JSON.writeValue(System.out, results);
  }

  private static void serialize(String url, JsonNode one, ObjectNode result) throws Exception {
    SchemaRegistryClient client = new CachedSchemaRegistryClient(
        List.of(url), 100, providers(), Map.of());
    String topic = one.get("name").asText();
    ParsedSchema schema = client.getSchemaById(one.get("id").asInt());
    Object value = valueOf(one, schema);
    byte[] prefix = serializer(one, client, url, "latest", false)
        .serialize(topic, new RecordHeaders(), value, schema);
    // The same however the serializer finds the schema, but for the id: it sends the schema as it
    // writes it, which is another one for a registry that compares texts.
    for (String way : List.of("register", "lookUp")) {
      byte[] again = serializer(one, client, url, way, false)
          .serialize(topic, new RecordHeaders(), value, schema);
      if (!hex(prefix).substring(10).equals(hex(again).substring(10))) {
        throw new IllegalStateException(way);
      }
    }
    Headers headers = new RecordHeaders();
    byte[] payload = serializer(one, client, url, "latest", true)
        .serialize(topic, headers, value, schema);
    byte[] header = headers.lastHeader(HEADER).value();
    result.put("prefix", hex(prefix));
    result.put("header", hex(header));
    result.put("payload", hex(payload));

    Deserializer<?> deserializer = deserializer(one, client, url);
    Object own = deserializer.deserialize(topic, new RecordHeaders(), prefix);
    Headers ourHeaders = new RecordHeaders();
    ourHeaders.add(HEADER, bytes(one.get("ourHeader").asText()));
    Object fromPrefix =
        deserializer.deserialize(topic, new RecordHeaders(), bytes(one.get("ours").asText()));
    Object fromHeader =
        deserializer.deserialize(topic, ourHeaders, bytes(one.get("ourPayload").asText()));
    result.put("reads", isSame(one, own, fromPrefix) && isSame(one, own, fromHeader));
  }

  private static List<SchemaProvider> providers() {
    return List.of(
        new AvroSchemaProvider(), new JsonSchemaProvider(), new ProtobufSchemaProvider());
  }

  /** JSON is compared as data: the same number may be written in two ways. */
  private static boolean isSame(JsonNode one, Object read, Object other) throws Exception {
    if (one.get("schemaType").asText().equals("JSON")) {
      return JSON.readTree(JSON.writeValueAsBytes(read))
          .equals(JSON.readTree(JSON.writeValueAsBytes(other)));
    }
    if (read instanceof byte[] bytes) return Arrays.equals(bytes, (byte[]) other);
    return read.equals(other);
  }

  @SuppressWarnings("unchecked")
  private static SerializerWithSchema<Object> serializer(
      JsonNode one, SchemaRegistryClient client, String url, String way, boolean inHeader) {
    Map<String, Object> config = Map.of(
        "schema.registry.url", url,
        "auto.register.schemas", way.equals("register"),
        "use.latest.version", way.equals("latest"),
        "latest.compatibility.strict", false,
        "json.fail.invalid.schema", true,
        "value.schema.id.serializer",
        (inHeader ? HeaderSchemaIdSerializer.class : PrefixSchemaIdSerializer.class).getName());
    SerializerWithSchema<?> serializer = switch (one.get("schemaType").asText()) {
      case "AVRO" -> new KafkaAvroSerializer(client);
      case "JSON" -> new KafkaJsonSchemaSerializer<>(client);
      default -> new KafkaProtobufSerializer<>(client);
    };
    serializer.configure(config, false);
    return (SerializerWithSchema<Object>) serializer;
  }

  private static Deserializer<?> deserializer(
      JsonNode one, SchemaRegistryClient client, String url) {
    Deserializer<?> deserializer = switch (one.get("schemaType").asText()) {
      case "AVRO" -> new KafkaAvroDeserializer(client);
      case "JSON" -> new KafkaJsonSchemaDeserializer<>(client);
      default -> new KafkaProtobufDeserializer<>(client);
    };
    deserializer.configure(
        Map.of("schema.registry.url", url, "json.fail.invalid.schema", true), false);
    return deserializer;
  }

  private static Object valueOf(JsonNode one, ParsedSchema schema) throws Exception {
    JsonNode value = one.get("value");
    return switch (one.get("schemaType").asText()) {
      case "AVRO" -> {
        Schema avro = (Schema) schema.rawSchema();
        Object made = avroValue(avro, value);
        if (made instanceof ByteBuffer buffer) made = buffer.array();
        yield made instanceof GenericData.Record ? made : new NonRecordContainer(avro, made);
      }
      case "JSON" -> value;
      default -> {
        ProtobufSchema file = (ProtobufSchema) schema;
        DynamicMessage.Builder message =
            DynamicMessage.newBuilder(file.toDescriptor(one.get("messageType").asText()));
        JsonFormat.parser().merge(value.toString(), message);
        yield message.build();
      }
    };
  }

  private static Object avroValue(Schema schema, JsonNode value) {
    if (schema.getLogicalType() != null && value.isObject()) return logicalValue(schema, value);
    return switch (schema.getType()) {
      case NULL -> null;
      case BOOLEAN -> value.asBoolean();
      case INT -> value.asInt();
      case LONG -> value.has("$long")
          ? Long.parseLong(value.get("$long").asText())
          : value.asLong();
      case FLOAT -> (float) doubleOf(value);
      case DOUBLE -> doubleOf(value);
      case STRING -> value.asText();
      case BYTES -> ByteBuffer.wrap(bytes(value.get("$bytes").asText()));
      case FIXED -> new GenericData.Fixed(schema, bytes(value.get("$bytes").asText()));
      case ENUM -> new GenericData.EnumSymbol(schema, value.asText());
      case UNION -> unionValue(schema, value);
      case ARRAY -> {
        List<Object> items = new ArrayList<>();
        for (JsonNode item : value) items.add(avroValue(schema.getElementType(), item));
        yield items;
      }
      case MAP -> {
        Map<String, Object> entries = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> entry : value.properties()) {
          entries.put(entry.getKey(), avroValue(schema.getValueType(), entry.getValue()));
        }
        yield entries;
      }
      case RECORD -> {
        GenericData.Record fields = new GenericData.Record(schema);
        for (Schema.Field field : schema.getFields()) {
          fields.put(field.pos(), avroValue(field.schema(), value.path(field.name())));
        }
        yield fields;
      }
    };
  }

  /** Numbers that JSON does not have are tagged. */
  private static double doubleOf(JsonNode value) {
    return value.has("$number") ? Double.parseDouble(value.get("$number").asText())
        : value.asDouble();
  }

  private static Object logicalValue(Schema schema, JsonNode value) {
    LogicalType type = schema.getLogicalType();
    if (type instanceof LogicalTypes.Decimal decimal) {
      BigDecimal number = new BigDecimal(value.get("$decimal").asText());
      BigDecimal scaled = number.setScale(decimal.getScale());
      Conversions.DecimalConversion conversion = new Conversions.DecimalConversion();
      return schema.getType() == Schema.Type.FIXED
          ? conversion.toFixed(scaled, schema, type)
          : conversion.toBytes(scaled, schema, type);
    }
    if (value.has("$bytes")) {
      return new GenericData.Fixed(schema, bytes(value.get("$bytes").asText()));
    }
    if (value.has("$long")) return Long.parseLong(value.get("$long").asText());
    if (type instanceof LogicalTypes.Date) {
      return (int) LocalDate.parse(value.get("$date").asText()).toEpochDay();
    }
    Instant instant = Instant.parse(value.get("$timestamp").asText());
    long perSecond = switch (type.getName()) {
      case "timestamp-millis" -> 1_000L;
      case "timestamp-micros" -> 1_000_000L;
      default -> 1_000_000_000L;
    };
    long fraction = instant.getNano() / (1_000_000_000L / perSecond);
    return Math.addExact(Math.multiplyExact(instant.getEpochSecond(), perSecond), fraction);
  }

  /** As in Avro's JSON, an object with the name of a branch says which one; else the first fits. */
  private static Object unionValue(Schema union, JsonNode value) {
    for (Schema branch : union.getTypes()) {
      if (value.isObject() && value.size() == 1 && value.has(branch.getFullName())) {
        return avroValue(branch, value.get(branch.getFullName()));
      }
    }
    return union.getTypes().stream()
        .filter(branch -> fits(branch, value))
        .findFirst()
        .map(branch -> avroValue(branch, value))
        .orElse(null);
  }

  private static boolean fits(Schema branch, JsonNode value) {
    boolean isTagged = value.isObject() && value.size() == 1
        && value.fieldNames().next().startsWith("$");
    if (branch.getLogicalType() != null && isTagged) return true;
    return switch (branch.getType()) {
      case NULL -> value.isNull() || value.isMissingNode();
      case BOOLEAN -> value.isBoolean();
      case INT -> value.isInt();
      case LONG -> value.has("$long") || value.isIntegralNumber();
      case FLOAT, DOUBLE -> value.isNumber() || value.has("$number");
      case STRING -> value.isTextual();
      case BYTES, FIXED -> value.has("$bytes");
      case ENUM -> value.isTextual() && branch.hasEnumSymbol(value.asText());
      case ARRAY -> value.isArray();
      case MAP, RECORD -> value.isObject() && !isTagged;
      case UNION -> false;
    };
  }

  private static byte[] bytes(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static String hex(byte[] bytes) {
    return HexFormat.of().formatHex(bytes);
  }
}
