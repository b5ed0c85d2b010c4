/*
 * Writes without a pause through one session and keeps a journal of what was acknowledged, while the
 * server is killed and started again and again. Commands on stdin:
 *   run N   write on; prints `REACHED` when N more writes are acknowledged, and does not stop
 *   check   wait for the connection, let everything in flight end, compare the server's tree with
 *           the journal; prints `CHECKED ...` or `LOST ...`
 *   quit
 * Argument: port. Each worker has one request in flight, so that after a lost connection exactly one
 * write of a worker is in doubt: it may be there or not. All others must be as acknowledged.
 */
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

public final class KillWriter {
    private static final int WORKERS = 64;
    private static final int KEEP = 20;
    private static final byte[] FILL = new byte[300];

    private final ZooKeeper zk;
    private final List<Worker> workers = new ArrayList<>();
    private final Set<String> sequential = new HashSet<>();
    private boolean connected;
    private boolean running;
    private int inFlight;
    private long acknowledged;
    private long inDoubt;
    private long target = Long.MAX_VALUE;
    private String failure;

    private KillWriter(int port) throws Exception {
        zk = new ZooKeeper("127.0.0.1:" + port, 60_000, event -> {
            synchronized (this) {
                connected = event.getState() == KeeperState.SyncConnected;
                if (event.getState() == KeeperState.Expired) {
                    failure = "the session expired";
                }
                notifyAll();
                if (connected && running) {
                    workers.forEach(Worker::next);
                }
            }
        });
    }

    public static void main(String[] args) throws Exception {
        new KillWriter(Integer.parseInt(args[0])).obey();
        Runtime.getRuntime().halt(0);
    }

    private void obey() throws Exception {
        setUp();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null && !line.equals("quit"); line = in.readLine()) {
            if (line.equals("check")) {
                System.out.println(check());
            } else {
                run(Integer.parseInt(line.substring(4)));
            }
        }
        zk.close();
    }

    private synchronized void awaitConnection() throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (!connected && failure == null) {
            wait(1000);
            Features.isTrue(System.nanoTime() < deadline, "no connection");
        }
    }

    private void setUp() throws Exception {
        awaitConnection();
        for (String path : List.of("/kill", "/kill/made", "/kill/seq")) {
            zk.create(path, new byte[0], OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        }
        zk.create("/kill/mine", new byte[0], OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        for (int i = 0; i < WORKERS; i++) {
            for (String name : List.of("/kill/set-", "/kill/one-", "/kill/two-")) {
                zk.create(name + i, "0".getBytes(), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
            }
            workers.add(new Worker(i));
        }
        System.out.println("READY");
    }

    private synchronized void run(int count) {
        target = acknowledged + count;
        running = true;
        if (connected) {
            workers.forEach(Worker::next);
        }
    }

    private synchronized String check() throws Exception {
        running = false;
        awaitConnection();
        while (inFlight > 0) {
            wait();
        }
        awaitConnection();
        if (failure == null) {
            compare();
        }
        return failure == null
            ? "CHECKED " + acknowledged + " acknowledged, " + inDoubt + " in doubt"
            : "LOST " + failure;
    }

    private void compare() throws Exception {
        Set<String> made = new HashSet<>(zk.getChildren("/kill/made", false));
        Set<String> numbered = new HashSet<>(zk.getChildren("/kill/seq", false));
        Stat mine = zk.exists("/kill/mine", false);
        expect(mine != null && mine.getEphemeralOwner() == zk.getSessionId(), "the ephemeral " + mine);
        for (Worker worker : workers) {
            worker.compare(made, numbered);
        }
    }

    private void expect(boolean holds, String what) {
        if (!holds && failure == null) {
            failure = what;
        }
    }

    private long number(String path) throws Exception {
        String text = new String(zk.getData(path, false, null)).trim();
        return Long.parseLong(text.substring(0, text.indexOf(' ') < 0 ? text.length() : text.indexOf(' ')));
    }

    /** One row of requests, each sent when the one before has its answer. Guarded by the writer. */
    private final class Worker {
        private final int id;
        private boolean busy;
        private long step = 0;
        private long set = 0;
        private long setTried = 0;
        private long pair = 0;
        private long pairTried = 0;
        private final Deque<String> made = new ArrayDeque<>();
        private final Deque<String> numbered = new ArrayDeque<>();
        private final Set<String> gone = new HashSet<>();
        private final Set<String> doubtful = new HashSet<>();

        Worker(int id) {
            this.id = id;
        }

        void next() {
            if (busy || !running || !connected || failure != null) {
                return;
            }
            busy = true;
            inFlight++;
            long n = ++step;
            switch ((int) (n % 5)) {
                case 0:
                    setTried = n;
                    zk.setData("/kill/set-" + id, text(n), -1, (rc, path, ctx, stat) -> done(rc, () -> set = n), null);
                    break;
                case 1: {
                    String name = id + "-" + n;
                    doubtful.add(name);
                    zk.create("/kill/made/" + name, FILL, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT,
                        (rc, path, ctx, created) -> done(rc, () -> {
                            doubtful.remove(name);
                            made.add(name);
                        }), null);
                    break;
                }
                case 2:
                    pairTried = n;
                    zk.multi(List.of(Op.setData("/kill/one-" + id, text(n), -1), Op.setData("/kill/two-" + id, text(n), -1)),
                        (rc, path, ctx, results) -> done(rc, () -> pair = n), null);
                    break;
                case 3:
                    zk.create("/kill/seq/" + id + "-", FILL, OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_SEQUENTIAL,
                        (rc, path, ctx, created) -> done(rc, () -> {
                            String name = created.substring("/kill/seq/".length());
                            expect(sequential.add(name), "given twice: " + name);
                            numbered.add(name);
                        }), null);
                    break;
                default:
                    remove();
            }
        }

        /** Keeps the directories small: the oldest of the made or of the numbered nodes goes. */
        private void remove() {
            Deque<String> from = made.size() > numbered.size() ? made : numbered;
            if (from.size() <= KEEP) {
                done(0, () -> acknowledged--);
                return;
            }
            String name = from.poll();
            doubtful.add(name);
            zk.delete((from == made ? "/kill/made/" : "/kill/seq/") + name, -1, (rc, path, ctx) -> done(rc, () -> {
                doubtful.remove(name);
                gone.add(name);
            }), null);
        }

        private void done(int rc, Runnable acknowledge) {
            synchronized (KillWriter.this) {
                busy = false;
                inFlight--;
                if (rc == 0) {
                    acknowledged++;
                    acknowledge.run();
                    if (acknowledged >= target) {
                        target = Long.MAX_VALUE;
                        System.out.println("REACHED");
                    }
                } else {
                    inDoubt++;
                    expect(rc == Code.CONNECTIONLOSS.intValue(), "answer " + Code.get(rc));
                }
                KillWriter.this.notifyAll();
                next();
            }
        }

        void compare(Set<String> inMade, Set<String> inSeq) throws Exception {
            long value = number("/kill/set-" + id);
            expect(value >= set && value <= setTried, "set-" + id + " is " + value + ", acknowledged " + set);
            long one = number("/kill/one-" + id);
            expect(one == number("/kill/two-" + id), "half a multi: one-" + id);
            expect(one >= pair && one <= pairTried, "one-" + id + " is " + one + ", acknowledged " + pair);
            for (String name : made) {
                expect(inMade.contains(name), "created and lost: " + name);
            }
            for (String name : numbered) {
                expect(inSeq.contains(name), "numbered and lost: " + name);
            }
            for (String name : gone) {
                expect(!inMade.contains(name) && !inSeq.contains(name), "deleted and back: " + name);
            }
            // What was in doubt is settled by what is there now.
            set = value;
            pair = one;
            for (String name : doubtful) {
                if (inMade.contains(name)) {
                    made.add(name);
                } else if (inSeq.contains(name)) {
                    numbered.add(name);
                } else {
                    gone.add(name);
                }
            }
            doubtful.clear();
        }

        private byte[] text(long n) {
            return String.format("%-100s", n + " ").getBytes();
        }
    }
}
