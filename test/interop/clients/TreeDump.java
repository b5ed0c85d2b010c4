/*
 * Writes down a whole tree as a client sees it: one line a node, with data, all stat fields and the
 * ACL list, sorted by path, then the tree digest. Two servers hold the same tree if the files are
 * equal. Left out, because servers of one kind differ in them too: the data of quota statistics and
 * the stat of /zookeeper/config.
 */
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Phaser;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

final class TreeDump {
    /** The server keeps the digest of every 128th zxid. */
    private static final int DIGEST_INTERVAL = 128;

    private final ZooKeeper zk;
    private final Map<String, String> data = new ConcurrentSkipListMap<>();
    private final Map<String, String> acls = new ConcurrentSkipListMap<>();
    private final Phaser open = new Phaser(1);
    private volatile String failure;

    private TreeDump(ZooKeeper zk) {
        this.zk = zk;
    }

    /** zk must pass every ACL; nobody may write meanwhile. Gives the paths, sorted. */
    static Set<String> write(ZooKeeper zk, int port, String file) throws Exception {
        TreeDump dump = new TreeDump(zk);
        dump.visit("/");
        dump.open.arriveAndAwaitAdvance();
        if (dump.failure != null) {
            throw new AssertionError(dump.failure);
        }
        try (PrintWriter out = new PrintWriter(file, StandardCharsets.UTF_8)) {
            for (Map.Entry<String, String> node : dump.data.entrySet()) {
                out.println(node.getKey() + " " + node.getValue() + " " + dump.acls.get(node.getKey()));
            }
            out.println("nodes " + dump.data.size());
            out.println("digest " + dump.digest(port));
        }
        return dump.data.keySet();
    }

    private void visit(String path) {
        open.register();
        zk.getData(path, false, (rc, p, ctx, bytes, stat) -> {
            if (rc == 0) {
                data.put(path, text(path, bytes, stat));
            }
            done(rc, path);
        }, null);
        open.register();
        zk.getACL(path, new Stat(), (rc, p, ctx, list, stat) -> {
            StringBuilder text = new StringBuilder();
            if (rc == 0) {
                for (ACL acl : list) {
                    text.append(acl.getPerms()).append(':').append(acl.getId().getScheme()).append(':')
                        .append(acl.getId().getId()).append(',');
                }
            }
            acls.put(path, text.toString());
            done(rc, path);
        }, null);
        open.register();
        zk.getChildren(path, false, (rc, p, ctx, children) -> {
            if (rc == 0) {
                for (String child : children) {
                    visit(path.equals("/") ? "/" + child : path + "/" + child);
                }
            }
            done(rc, path);
        }, null);
    }

    private void done(int rc, String path) {
        if (rc != 0) {
            failure = path + ": " + Code.get(rc);
        }
        open.arriveAndDeregister();
    }

    private static String text(String path, byte[] bytes, Stat s) {
        if (path.equals("/zookeeper/config")) {
            return "-";
        }
        String value = bytes == null ? "null" : Base64.getEncoder().encodeToString(bytes);
        if (path.startsWith("/zookeeper/quota/") && path.endsWith("/zookeeper_stats")) {
            return "- " + stat(s, 0);
        }
        return "'" + value + "' " + stat(s, s.getDataLength());
    }

    private static String stat(Stat s, int length) {
        return String.format("c%x m%x p%x ct%d mt%d v%d cv%d av%d o%x l%d n%d", s.getCzxid(), s.getMzxid(),
            s.getPzxid(), s.getCtime(), s.getMtime(), s.getVersion(), s.getCversion(), s.getAversion(),
            s.getEphemeralOwner(), length, s.getNumChildren());
    }

    /**
     * The digest of the tree as it is: failing deletes change nothing and use up zxids until one is
     * a multiple of 128, whose digest `hash` then shows last.
     */
    private String digest(int port) throws Exception {
        CountDownLatch left = new CountDownLatch(DIGEST_INTERVAL);
        for (int i = 0; i < DIGEST_INTERVAL; i++) {
            zk.delete("/there-is-no-such-node", -1, (rc, path, ctx) -> left.countDown(), null);
        }
        left.await();
        String[] history = fourLetterWord(port, "hash").trim().split("\n");
        String last = history[history.length - 1];
        return last.substring(last.lastIndexOf(' ') + 1);
    }

    static String fourLetterWord(int port, String word) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", port)) {
            socket.getOutputStream().write(word.getBytes(StandardCharsets.US_ASCII));
            socket.getOutputStream().flush();
            InputStream in = socket.getInputStream();
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            in.transferTo(text);
            return text.toString(StandardCharsets.UTF_8);
        }
    }
}
