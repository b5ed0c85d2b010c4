/*
 * What happens at one stop of a data directory's journey: write down the tree as it was found, take
 * over the sessions that were left open and compare their ephemerals, do some thousand random
 * writes of every kind, write down the tree again, and vanish with the sessions still open.
 *
 * Arguments: port, seed, operations, file for the tree found, file for the tree left, file of the
 * open sessions (read if it exists, then written). The seed makes runs alike, not equal: what is chosen
 * also depends on which answers are back.
 */
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.StatsTrack;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.cli.DelQuotaCommand;
import org.apache.zookeeper.cli.SetQuotaCommand;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;

public final class DirectoryHop {
    private static final int SESSIONS = 6;
    private static final int SESSION_TIMEOUT_MS = 600_000;
    private static final int WINDOW = 64;
    private static final int DEPTH = 5;

    private final int port;
    private final Random random;
    private final List<ZooKeeper> sessions = new ArrayList<>();
    /** Nodes to work on and below; some are gone or ephemeral, which makes errors, which is meant. */
    private final List<String> paths = new ArrayList<>();
    private final Semaphore window = new Semaphore(WINDOW);
    private final AtomicInteger succeeded = new AtomicInteger();
    private final AtomicInteger refused = new AtomicInteger();

    private DirectoryHop(int port, long seed) {
        this.port = port;
        this.random = new Random(seed);
    }

    public static void main(String[] args) throws Exception {
        DirectoryHop hop = new DirectoryHop(Integer.parseInt(args[0]), Long.parseLong(args[1]));
        hop.run(Integer.parseInt(args[2]), args[3], args[4], Path.of(args[5]));
        Runtime.getRuntime().halt(0); // sessions stay open on the server
    }

    private void run(int operations, String found, String left, Path sessionFile) throws Exception {
        ZooKeeper root = open(0, null);
        root.addAuthInfo("digest", "super:admin".getBytes());
        for (String path : TreeDump.write(root, port, found)) {
            if (path.startsWith("/hop")) {
                paths.add(path);
            }
        }
        if (Files.exists(sessionFile)) {
            for (String line : Files.readAllLines(sessionFile)) {
                takeOver(line.split(" ", 3));
            }
        } else {
            root.create("/hop", new byte[0], OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            paths.add("/hop");
        }
        while (sessions.size() < SESSIONS) {
            ZooKeeper zk = open(0, null);
            zk.addAuthInfo("digest", ("user" + sessions.size() + ":secret").getBytes());
            sessions.add(zk);
        }
        for (int i = 0; i < operations; i++) {
            oneOf(root);
        }
        window.acquire(WINDOW);
        // One session ends, with ephemerals, in this hop; the others are left open.
        sessions.remove(0).close();
        List<String> lines = new ArrayList<>();
        for (ZooKeeper zk : sessions) {
            lines.add(Long.toHexString(zk.getSessionId()) + " "
                + Base64.getEncoder().encodeToString(zk.getSessionPasswd()) + " "
                + new TreeSet<>(zk.getEphemerals()));
        }
        Files.write(sessionFile, lines);
        TreeDump.write(root, port, left);
        root.close();
        System.out.println("done " + succeeded + " refused " + refused + " paths " + paths.size());
        Features.isTrue(succeeded.get() >= operations / 2, "more than half must succeed");
        String mismatches = "";
        for (String line : TreeDump.fourLetterWord(port, "mntr").split("\n")) {
            if (line.startsWith("zk_digest_mismatches_count\t")) {
                mismatches = line.substring(line.indexOf('\t') + 1).trim();
            }
        }
        Features.equal("0", mismatches, "zk_digest_mismatches_count");
    }

    private ZooKeeper open(long id, byte[] password) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        KeeperState[] state = new KeeperState[1];
        org.apache.zookeeper.Watcher watcher = event -> {
            if (state[0] == null) {
                state[0] = event.getState();
                connected.countDown();
            }
        };
        String address = "127.0.0.1:" + port;
        ZooKeeper zk = password == null
            ? new ZooKeeper(address, SESSION_TIMEOUT_MS, watcher)
            : new ZooKeeper(address, SESSION_TIMEOUT_MS, watcher, id, password);
        Features.isTrue(connected.await(30, TimeUnit.SECONDS), "no connection");
        Features.equal(KeeperState.SyncConnected, state[0], "state of session " + Long.toHexString(id));
        return zk;
    }

    private void takeOver(String[] session) throws Exception {
        long id = Long.parseUnsignedLong(session[0], 16);
        ZooKeeper zk = open(id, Base64.getDecoder().decode(session[1]));
        Features.equal(id, zk.getSessionId(), "session id");
        Features.equal(session[2], new TreeSet<>(zk.getEphemerals()).toString(), "ephemerals of " + session[0]);
        zk.addAuthInfo("digest", ("user" + sessions.size() + ":secret").getBytes());
        sessions.add(zk);
    }

    private String anyPath() {
        return paths.get(random.nextInt(paths.size()));
    }

    private String newPath() {
        String parent = anyPath();
        while (parent.chars().filter(c -> c == '/').count() > DEPTH) {
            parent = parent.substring(0, parent.lastIndexOf('/'));
        }
        return parent + "/" + NAMES[random.nextInt(NAMES.length)] + random.nextInt(1000);
    }

    private static final String[] NAMES = {"n", "a.b-", "\u00e4", "\u4e2d\u6587-", "with space ", "__proto__"};

    private byte[] bytes() {
        int kind = random.nextInt(20);
        if (kind == 0) {
            return null;
        }
        byte[] data = new byte[kind == 1 ? 20_000 : random.nextInt(120)];
        random.nextBytes(data);
        return data;
    }

    private List<ACL> acl() {
        switch (random.nextInt(8)) {
            case 0:
                return Ids.CREATOR_ALL_ACL;
            case 1:
                return Arrays.asList(new ACL(Perms.ALL, new Id("ip", "127.0.0.0/" + (8 + random.nextInt(8)))),
                    new ACL(Perms.READ, Ids.ANYONE_ID_UNSAFE));
            case 2:
                return Arrays.asList(
                    new ACL(1 + random.nextInt(31), new Id("digest", "user" + random.nextInt(500) + ":AAAA")),
                    new ACL(Perms.ALL, Ids.ANYONE_ID_UNSAFE));
            case 3:
                return Arrays.asList(new ACL(Perms.ALL, Ids.ANYONE_ID_UNSAFE), new ACL(Perms.ALL, Ids.AUTH_IDS));
            default:
                return OPEN_ACL_UNSAFE;
        }
    }

    private void done(int rc) {
        (rc == 0 ? succeeded : refused).incrementAndGet();
        window.release();
    }

    private void created(int rc, String path, CreateMode mode) {
        if (rc == 0 && mode != CreateMode.EPHEMERAL && mode != CreateMode.EPHEMERAL_SEQUENTIAL) {
            synchronized (paths) {
                paths.add(path);
            }
        }
        done(rc);
    }

    private void oneOf(ZooKeeper root) throws Exception {
        ZooKeeper zk = sessions.get(random.nextInt(sessions.size()));
        int kind = random.nextInt(100);
        window.acquire();
        synchronized (paths) {
            if (kind < 45) {
                create(zk);
            } else if (kind < 58) {
                String path = anyPath(); // the top stays, or an early delete would end it all
                zk.delete(path.equals("/hop") ? newPath() : path, -1, (rc, p, ctx) -> done(rc), null);
            } else if (kind < 76) {
                zk.setData(anyPath(), bytes(), random.nextInt(4) - 1, (rc, path, ctx, stat) -> done(rc), null);
            } else if (kind < 84) {
                String path = anyPath(); // the top stays open to all
                zk.setACL(path, path.equals("/hop") ? OPEN_ACL_UNSAFE : acl(), -1, (rc, p, ctx, stat) -> done(rc), null);
            } else if (kind < 99) {
                multi(zk);
            } else {
                window.release();
            }
        }
        if (kind == 99) {
            quota(root);
        }
    }

    private void create(ZooKeeper zk) {
        CreateMode[] modes = CreateMode.values();
        CreateMode mode = random.nextInt(3) == 0 ? modes[random.nextInt(modes.length)] : CreateMode.PERSISTENT;
        String path = mode.isSequential() ? anyPath() + "/s-" : newPath();
        if (mode.isTTL()) {
            zk.create(path, bytes(), acl(), mode, (rc, p, ctx, name, stat) -> created(rc, name, mode), null,
                1_000_000 + random.nextInt(1_000_000_000));
        } else if (random.nextBoolean()) {
            zk.create(path, bytes(), acl(), mode, (rc, p, ctx, name) -> created(rc, name, mode), null);
        } else {
            zk.create(path, bytes(), acl(), mode, (rc, p, ctx, name, stat) -> created(rc, name, mode), null);
        }
    }

    private void multi(ZooKeeper zk) {
        List<Op> ops = new ArrayList<>();
        String path = newPath();
        ops.add(Op.create(path, bytes(), acl(), CreateMode.PERSISTENT));
        for (int i = random.nextInt(4); i > 0; i--) {
            ops.add(Op.create(path + "/s-", bytes(), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL));
        }
        switch (random.nextInt(6)) {
            case 0:
                ops.add(Op.check(anyPath(), 99)); // fails, and with it the whole
                break;
            case 1:
                ops.add(Op.create(path + "/e", bytes(), OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL));
                break;
            case 2:
                ops.add(Op.create(path + "/c", bytes(), OPEN_ACL_UNSAFE, CreateMode.CONTAINER));
                ops.add(Op.create(path + "/t", bytes(), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 1 << 30));
                break;
            case 3:
                ops.add(Op.create(path + "/gone", bytes(), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT));
                ops.add(Op.delete(path + "/gone", 0));
                break;
            default:
                ops.add(Op.setData("/hop", bytes(), -1));
        }
        zk.multi(ops, (rc, p, ctx, results) -> created(rc, path, CreateMode.PERSISTENT), null);
    }

    /** Quotas are made and removed by several requests in turn, so alone in the window. */
    private void quota(ZooKeeper root) throws Exception {
        window.acquire(WINDOW);
        String path = anyPath();
        if (path.length() > 4 && root.exists(path, false) != null) {
            if (random.nextInt(3) == 0) {
                DelQuotaCommand.delQuota(root, path, null);
            } else {
                StatsTrack track = new StatsTrack();
                track.setCount(1 + random.nextInt(1000));
                track.setByteHardLimit(1 + random.nextInt(1_000_000));
                try {
                    SetQuotaCommand.createQuota(root, path, track);
                } catch (IllegalArgumentException e) {
                    succeeded.decrementAndGet(); // one above or below has a quota: the command refuses
                }
                succeeded.incrementAndGet();
            }
        }
        window.release(WINDOW);
    }
}
