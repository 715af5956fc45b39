// Runs a broker of any Apache Kafka release from 1.0 to 4.4, with ZooKeeper in the same process
// where the release needs it. It is compiled by the Java launcher when it starts, so that it needs
// nothing but the release's own jars. It ends when its standard input closes.
//
// Arguments: the broker's properties; a folder for its data; ZooKeeper's port, 0 = no ZooKeeper.

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.reflect.Method;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

public final class ReleaseBroker {
  private static final char[] storePassword = "changeit".toCharArray();
  private static final int tickMs = 500;

  public static void main(String[] arguments) throws Exception {
    Thread watch = new Thread(ReleaseBroker::haltAtEndOfInput, "end-of-input");
    watch.setDaemon(true);
    watch.start();
    Path folder = Path.of(arguments[1]);
    writeKeyStore(folder);
    int zooKeeperPort = Integer.parseInt(arguments[2]);
    if (zooKeeperPort > 0) startZooKeeper(folder, zooKeeperPort);
    kafka.Kafka.main(new String[] {arguments[0]});
  }

  private static void haltAtEndOfInput() {
    try {
      while (System.in.read() >= 0) {
        // Only the end of the input matters.
      }
    } catch (IOException ignored) {
      // A broken input is an ended one.
    }
    Runtime.getRuntime().halt(137);
  }

  /** Releases before 2.7 read no PEM: the certificate goes into a PKCS #12 store. */
  private static void writeKeyStore(Path folder) throws Exception {
    byte[] certificate = Files.readAllBytes(folder.resolve("server.crt"));
    String pem = Files.readString(folder.resolve("server.key"));
    String body = pem.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
    PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(body));
    Certificate[] chain =
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(certificate))
            .toArray(new Certificate[0]);
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    store.setKeyEntry(
        "server", KeyFactory.getInstance("EC").generatePrivate(spec), storePassword, chain);
    try (OutputStream file = Files.newOutputStream(folder.resolve("server.p12"))) {
      store.store(file, storePassword);
    }
  }

  /** By reflection, since Kafka 4 has no ZooKeeper among its jars. */
  private static void startZooKeeper(Path folder, int port) throws Exception {
    File data = Files.createDirectories(folder.resolve("zookeeper")).toFile();
    Class<?> serverType = Class.forName("org.apache.zookeeper.server.ZooKeeperServer");
    Object server =
        serverType
            .getConstructor(File.class, File.class, int.class)
            .newInstance(data, data, tickMs);
    Class<?> factoryType = Class.forName("org.apache.zookeeper.server.NIOServerCnxnFactory");
    Object factory = factoryType.getConstructor().newInstance();
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", port);
    factoryType.getMethod("configure", InetSocketAddress.class, int.class)
        .invoke(factory, address, 60);
    factoryType.getMethod("startup", serverType).invoke(factory, server);
    endEarlierSessions(serverType, server);
  }

  /**
   * A broker that was killed left its session, and with it the node /brokers/ids/1, which makes the
   * next broker with this id end at once. Both are removed here, as when the session expires.
   */
  private static void endEarlierSessions(Class<?> serverType, Object server) throws Exception {
    Object database = serverType.getMethod("getZKDatabase").invoke(server);
    Method sessions = database.getClass().getMethod("getSessions");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    for (Object id : List.copyOf((Collection<?>) sessions.invoke(database))) {
      serverType.getMethod("closeSession", long.class).invoke(server, id);
    }
    while (!((Collection<?>) sessions.invoke(database)).isEmpty()) {
      if (System.nanoTime() > deadline) throw new TimeoutException("ZooKeeper keeps old sessions");
      Thread.sleep(10);
    }
  }
}
