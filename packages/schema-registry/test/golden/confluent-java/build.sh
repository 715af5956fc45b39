#!/bin/sh
# Compiles Confluent's Java serializers for regenerate.mjs: they are not on Maven Central.
#   SOURCES  a work tree of github.com/confluentinc/schema-registry at the tag v8.1.5
#   FOLDER   gets the jars that they need and the compiled classes; outside of this repository
# sh packages/schema-registry/test/golden/confluent-java/build.sh SOURCES FOLDER
# The modules for JSON Schema and Protobuf are under the Confluent Community License, the others
# under Apache-2.0. No code of theirs is copied here.
set -eu
here=$(dirname "$0")
sources=$1
folder=$2
mvn -q -f "$here/pom.xml" dependency:copy-dependencies "-DoutputDirectory=$folder/jars"
cd "$sources"
modules="client avro-types schema-types avro-serializer schema-serializer json-serializer
  json-schema-provider json-schema-serializer protobuf-types protobuf-provider
  protobuf-serializer"
# The decoders are for clients of Kafka 2, whose classes are gone.
find $modules -path '*/src/main/java/*' -name '*.java' ! -name '*Decoder.java' > "$folder/files"
mkdir -p "$folder/classes"
javac -proc:none -nowarn -encoding UTF-8 -d "$folder/classes" -cp "$folder/jars/*" "@$folder/files"
for module in $modules; do
  for resources in "$module/src/main/resources" "$module/src/main/proto"; do
    if [ -d "$resources" ]; then cp -r "$resources/." "$folder/classes/"; fi
  done
done
