// What producers of other clients can be set to: for the tests of the pages that people come from.
// From their own lists: ProducerConfig of Apache Kafka 4.4.0's Java client, and what librdkafka
// 2.x calls the properties of a producer (those of assertions, a dozen, by the first of them).

const words = (text: string): readonly string[] => text.split(' ')

export const javaSettings = words(
  'acks batch.size bootstrap.resolve.timeout.ms bootstrap.servers buffer.memory ' +
    'buffer.memory.allocation.strategy client.dns.lookup client.id client.rack ' +
    'compression.gzip.level compression.lz4.level compression.type compression.zstd.level ' +
    'config.providers connections.max.idle.ms delivery.timeout.ms enable.idempotence ' +
    'enable.metrics.push interceptor.classes key.serializer linger.ms max.block.ms ' +
    'max.in.flight.requests.per.connection max.request.size metadata.cluster.check.enable ' +
    'metadata.max.age.ms metadata.max.idle.ms metadata.recovery.rebootstrap.trigger.ms ' +
    'metadata.recovery.strategy metric.reporters metrics.num.samples metrics.recording.level ' +
    'metrics.sample.window.ms partitioner.adaptive.partitioning.enable ' +
    'partitioner.availability.timeout.ms partitioner.class partitioner.ignore.keys ' +
    'partitioner.rack.aware receive.buffer.bytes reconnect.backoff.max.ms reconnect.backoff.ms ' +
    'request.timeout.ms retries retry.backoff.max.ms retry.backoff.ms ' +
    'sasl.client.callback.handler.class sasl.jaas.config sasl.kerberos.kinit.cmd ' +
    'sasl.kerberos.min.time.before.relogin sasl.kerberos.service.name ' +
    'sasl.kerberos.ticket.renew.jitter sasl.kerberos.ticket.renew.window.factor ' +
    'sasl.login.callback.handler.class sasl.login.class sasl.login.connect.timeout.ms ' +
    'sasl.login.read.timeout.ms sasl.login.refresh.buffer.seconds ' +
    'sasl.login.refresh.min.period.seconds sasl.login.refresh.window.factor ' +
    'sasl.login.refresh.window.jitter sasl.login.retry.backoff.max.ms ' +
    'sasl.login.retry.backoff.ms ' +
    'sasl.mechanism sasl.oauthbearer.allow.unverified.audience ' +
    'sasl.oauthbearer.allow.unverified.issuer sasl.oauthbearer.assertion.algorithm ' +
    'sasl.oauthbearer.assertion.claim.aud sasl.oauthbearer.assertion.claim.exp.seconds ' +
    'sasl.oauthbearer.assertion.claim.iss sasl.oauthbearer.assertion.claim.jti.include ' +
    'sasl.oauthbearer.assertion.claim.nbf.seconds sasl.oauthbearer.assertion.claim.sub ' +
    'sasl.oauthbearer.assertion.file sasl.oauthbearer.assertion.private.key.file ' +
    'sasl.oauthbearer.assertion.private.key.passphrase sasl.oauthbearer.assertion.template.file ' +
    'sasl.oauthbearer.client.credentials.client.id ' +
    'sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.clock.skew.seconds ' +
    'sasl.oauthbearer.expected.audience sasl.oauthbearer.expected.issuer ' +
    'sasl.oauthbearer.header.urlencode sasl.oauthbearer.jwks.endpoint.refresh.ms ' +
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms ' +
    'sasl.oauthbearer.jwks.endpoint.retry.backoff.ms sasl.oauthbearer.jwks.endpoint.url ' +
    'sasl.oauthbearer.jwt.retriever.class sasl.oauthbearer.jwt.validator.class ' +
    'sasl.oauthbearer.scope sasl.oauthbearer.scope.claim.name sasl.oauthbearer.sub.claim.name ' +
    'sasl.oauthbearer.token.endpoint.url security.protocol security.providers send.buffer.bytes ' +
    'socket.connection.setup.timeout.max.ms socket.connection.setup.timeout.ms ssl.cipher.suites ' +
    'ssl.enabled.protocols ssl.endpoint.identification.algorithm ssl.engine.factory.class ' +
    'ssl.key.password ssl.keymanager.algorithm ssl.keystore.certificate.chain ssl.keystore.key ' +
    'ssl.keystore.location ssl.keystore.password ssl.keystore.type ssl.protocol ssl.provider ' +
    'ssl.secure.random.implementation ssl.trustmanager.algorithm ssl.truststore.certificates ' +
    'ssl.truststore.location ssl.truststore.password ssl.truststore.type transaction.timeout.ms ' +
    'transaction.two.phase.commit.enable transactional.id value.serializer',
)

export const librdkafkaSettings = words(
  'acks allow.auto.create.topics api.version.fallback.ms api.version.request ' +
    'api.version.request.timeout.ms background_event_cb batch.num.messages batch.size ' +
    'bootstrap.servers broker.address.family broker.address.ttl broker.version.fallback ' +
    'builtin.features client.dns.lookup client.id client.rack closesocket_cb compression.codec ' +
    'compression.level compression.type connect_cb connections.max.idle.ms debug ' +
    'default_topic_conf delivery.report.only.error delivery.timeout.ms dr_cb dr_msg_cb ' +
    'enable.gapless.guarantee enable.idempotence enable.metrics.push enable.random.seed ' +
    'enable.sasl.oauthbearer.unsecure.jwt enable.ssl.certificate.verification enabled_events ' +
    'error_cb https.ca.location https.ca.pem interceptors internal.termination.signal linger.ms ' +
    'log.connection.close log.queue log.thread.name log_cb log_level max.in.flight ' +
    'max.in.flight.requests.per.connection message.copy.max.bytes message.max.bytes ' +
    'message.send.max.retries message.timeout.ms metadata.broker.list metadata.max.age.ms ' +
    'metadata.recovery.rebootstrap.trigger.ms metadata.recovery.strategy msg_order_cmp ' +
    'oauthbearer_token_refresh_cb opaque open_cb partitioner partitioner_cb plugin.library.paths ' +
    'produce.offset.report queue.buffering.backpressure.threshold queue.buffering.max.kbytes ' +
    'queue.buffering.max.messages queue.buffering.max.ms queuing.strategy ' +
    'receive.message.max.bytes reconnect.backoff.jitter.ms reconnect.backoff.max.ms ' +
    'reconnect.backoff.ms request.required.acks request.timeout.ms resolve_cb retries ' +
    'retry.backoff.max.ms retry.backoff.ms sasl.kerberos.keytab sasl.kerberos.kinit.cmd ' +
    'sasl.kerberos.min.time.before.relogin sasl.kerberos.principal sasl.kerberos.service.name ' +
    'sasl.mechanism sasl.mechanisms sasl.oauthbearer.assertion.algorithm ' +
    'sasl.oauthbearer.client.credentials.client.id ' +
    'sasl.oauthbearer.client.credentials.client.secret sasl.oauthbearer.client.id ' +
    'sasl.oauthbearer.client.secret sasl.oauthbearer.config sasl.oauthbearer.extensions ' +
    'sasl.oauthbearer.grant.type sasl.oauthbearer.metadata.authentication.type ' +
    'sasl.oauthbearer.method sasl.oauthbearer.scope sasl.oauthbearer.token.endpoint.url ' +
    'sasl.password sasl.username security.protocol socket.blocking.max.ms ' +
    'socket.connection.setup.timeout.ms socket.keepalive.enable socket.max.fails ' +
    'socket.nagle.disable socket.receive.buffer.bytes socket.send.buffer.bytes socket.timeout.ms ' +
    'socket_cb ssl.ca.certificate.stores ssl.ca.location ssl.ca.pem ssl.certificate.location ' +
    'ssl.certificate.pem ssl.certificate.verify_cb ssl.cipher.suites ssl.crl.location ' +
    'ssl.curves.list ssl.endpoint.identification.algorithm ssl.engine.id ssl.engine.location ' +
    'ssl.key.location ssl.key.password ssl.key.pem ssl.keystore.location ssl.keystore.password ' +
    'ssl.providers ssl.sigalgs.list ssl_ca ssl_certificate ssl_engine_callback_data ssl_key ' +
    'statistics.interval.ms stats_cb sticky.partitioning.linger.ms throttle_cb topic.blacklist ' +
    'topic.metadata.propagation.max.ms topic.metadata.refresh.fast.cnt ' +
    'topic.metadata.refresh.fast.interval.ms topic.metadata.refresh.interval.ms ' +
    'topic.metadata.refresh.sparse transaction.timeout.ms transactional.id',
)
