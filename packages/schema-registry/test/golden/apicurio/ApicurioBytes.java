// Serializes the cases that come on standard input by Apicurio's Java serializers for Kafka, in
// Confluent's wire format: a 0, the id in four bytes, for Protobuf the indexes of the message, and
// the bytes. Called by regenerate.mjs. No request goes to a registry: the resolver below
// has the one schema.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.DynamicMessage;
import com.google.protobuf.util.JsonFormat;
import com.networknt.schema.JsonSchema;
import io.apicurio.registry.resolver.ParsedSchema;
import io.apicurio.registry.resolver.ParsedSchemaImpl;
import io.apicurio.registry.resolver.SchemaLookupResult;
import io.apicurio.registry.resolver.SchemaParser;
import io.apicurio.registry.resolver.SchemaResolver;
import io.apicurio.registry.resolver.client.RegistryClientFacade;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import io.apicurio.registry.resolver.strategy.ArtifactReferenceResolverStrategy;
import io.apicurio.registry.serde.Default4ByteIdHandler;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.avro.AvroSchemaParser;
import io.apicurio.registry.serde.avro.DefaultAvroDatumProvider;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaParser;
import io.apicurio.registry.serde.protobuf.ProtobufKafkaSerializer;
import io.apicurio.registry.serde.protobuf.ProtobufSchemaParser;
import io.apicurio.registry.utils.protobuf.schema.ProtobufSchema;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.data.TimeConversions;
import org.apache.avro.generic.GenericData;
import org.apache.kafka.common.serialization.Serializer;

public final class ApicurioBytes {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static final Map<String, Object> CONFIG =
      Map.of(
          "apicurio.registry.headers.enabled", false,
          "apicurio.registry.id-handler", Default4ByteIdHandler.class.getName(),
          "apicurio.registry.use-id", "contentId",
          "apicurio.registry.serde.validation-enabled", false,
          "apicurio.registry.serde.send-type-ref", false,
          "apicurio.registry.serde.send-indexes", true);

  /** Finds the schema of the case, with the id that our registry for tests gave it. */
  private record OneSchema<S, D>(ParsedSchema<S> schema, long id, SchemaParser<S, D> parser)
      implements SchemaResolver<S, D> {
    @Override
    public SchemaLookupResult<S> resolveSchema(Record<D> record) {
      return SchemaLookupResult.<S>builder().parsedSchema(schema).contentId(id).build();
    }

    @Override
    public SchemaLookupResult<S> resolveSchemaByArtifactReference(ArtifactReference reference) {
      return resolveSchema(null);
    }

    @Override
    public SchemaParser<S, D> getSchemaParser() {
      return parser;
    }

    @Override
    public void setClientFacade(RegistryClientFacade client) {}

    @Override
    public void setArtifactResolverStrategy(ArtifactReferenceResolverStrategy<S, D> strategy) {}

    @Override
    public void reset() {}

    @Override
    public void close() {}
  }

  public static void main(String[] args) throws Exception {
    ArrayNode results = JSON.createArrayNode();
    for (JsonNode one : JSON.readTree(System.in)) {
      byte[] bytes = switch (one.get("schemaType").asText()) {
        case "AVRO" -> avro(one);
        case "JSON" -> json(one);
        default -> protobuf(one);
      };
      ObjectNode result = results.addObject();
      result.put("name", one.get("name").asText());
      result.put("prefix", HexFormat.of().formatHex(bytes));
    }
    JSON.writeValue(System.out, results);
  }

  private static byte[] avro(JsonNode one) {
    SchemaParser<Schema, Object> parser = new AvroSchemaParser<>(new DefaultAvroDatumProvider<>());
    OneSchema<Schema, Object> resolver = resolverOf(one, parser);
    Object value = avroValue(resolver.schema().getParsedSchema(), one.get("value"));
    return bytesOf(new AvroKafkaSerializer<>(resolver), one, value);
  }

  private static byte[] json(JsonNode one) {
    OneSchema<JsonSchema, JsonNode> resolver = resolverOf(one, new JsonSchemaParser<>());
    return bytesOf(new JsonSchemaKafkaSerializer<>(resolver), one, one.get("value"));
  }

  private static byte[] protobuf(JsonNode one) throws Exception {
    OneSchema<ProtobufSchema, DynamicMessage> resolver =
        resolverOf(one, new ProtobufSchemaParser<>());
    Descriptor type = null;
    for (String part : one.get("messageType").asText().split("\\.")) {
      type = type == null
          ? resolver.schema().getParsedSchema().getFileDescriptor().findMessageTypeByName(part)
          : type.findNestedTypeByName(part);
    }
    DynamicMessage.Builder message = DynamicMessage.newBuilder(type);
    JsonFormat.parser().merge(one.get("value").toString(), message);
    return bytesOf(new ProtobufKafkaSerializer<>(resolver), one, message.build());
  }

  private static <S, D> OneSchema<S, D> resolverOf(JsonNode one, SchemaParser<S, D> parser) {
    Map<String, ParsedSchema<S>> references = new HashMap<>();
    for (JsonNode reference : one.get("references")) {
      String name = reference.get("name").asText();
      ParsedSchemaImpl<S> schema = parsed(reference.get("text"), references, parser);
      references.put(name, schema.setReferenceName(name));
    }
    ParsedSchema<S> schema = parsed(one.get("text"), references, parser);
    return new OneSchema<>(schema, one.get("id").asLong(), parser);
  }

  private static <S, D> ParsedSchemaImpl<S> parsed(
      JsonNode text, Map<String, ParsedSchema<S>> references, SchemaParser<S, D> parser) {
    byte[] raw = text.asText().getBytes(StandardCharsets.UTF_8);
    return new ParsedSchemaImpl<S>()
        .setParsedSchema(parser.parseSchema(raw, Map.copyOf(references)))
        .setRawSchema(raw)
        .setSchemaReferences(List.copyOf(references.values()));
  }

  private static <D> byte[] bytesOf(Serializer<D> serializer, JsonNode one, D value) {
    try (serializer) {
      serializer.configure(CONFIG, false);
      return serializer.serialize(one.get("name").asText(), value);
    }
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
      case FLOAT -> (float) value.asDouble();
      case DOUBLE -> value.asDouble();
      case STRING -> value.asText();
      case BYTES -> ByteBuffer.wrap(hex(value));
      case FIXED -> new GenericData.Fixed(schema, hex(value));
      case ENUM -> new GenericData.EnumSymbol(schema, value.asText());
      case UNION -> avroValue(branchOf(schema, value), value);
      case ARRAY -> {
        List<Object> items = new ArrayList<>();
        for (JsonNode item : value) items.add(avroValue(schema.getElementType(), item));
        yield items;
      }
      case MAP -> {
        Map<String, Object> entries = new HashMap<>();
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
    if (type instanceof LogicalTypes.Date) {
      return (int) LocalDate.parse(value.get("$date").asText()).toEpochDay();
    }
    Instant instant = Instant.parse(value.get("$timestamp").asText());
    return type instanceof LogicalTypes.TimestampMillis
        ? new TimeConversions.TimestampMillisConversion().toLong(instant, schema, type)
        : new TimeConversions.TimestampMicrosConversion().toLong(instant, schema, type);
  }

  /** The cases have unions of null and one more type. */
  private static Schema branchOf(Schema union, JsonNode value) {
    boolean absent = value.isNull() || value.isMissingNode();
    return union.getTypes().stream()
        .filter(type -> (type.getType() == Schema.Type.NULL) == absent)
        .findFirst()
        .orElseThrow();
  }

  private static byte[] hex(JsonNode value) {
    return HexFormat.of().parseHex(value.get("$bytes").asText());
  }
}
