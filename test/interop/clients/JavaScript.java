/*
 * What the parts of the Java client's row share: handles, an ear for watch events, test data, and
 * where the server, the proxy and its control port are.
 */
import static org.apache.zookeeper.CreateMode.PERSISTENT;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;

abstract class JavaScript {
    static final byte[] ONE = "one".getBytes();
    static final byte[] TWO = "two".getBytes();
    static final int TIMEOUT_MS = 10_000;
    static String server;
    static String proxied;
    static int control;

    /** Keeps what a watcher was told, session states and node events apart. */
    static final class Ear implements Watcher {
        final LinkedBlockingQueue<WatchedEvent> nodes = new LinkedBlockingQueue<>();
        final LinkedBlockingQueue<KeeperState> states = new LinkedBlockingQueue<>();

        @Override
        public void process(WatchedEvent event) {
            if (event.getType() == EventType.None) {
                states.add(event.getState());
            } else {
                nodes.add(event);
            }
        }

        void hears(EventType type, String path) throws Exception {
            WatchedEvent event = nodes.poll(20, TimeUnit.SECONDS);
            Features.equal(type + " " + path,
                event == null ? "silence" : event.getType() + " " + event.getPath(), "watch event");
        }

        void hearsNothingMore() {
            Features.isTrue(nodes.isEmpty(), "unexpected events: " + nodes);
        }

        /** Passes over other states until this one comes. */
        void reaches(KeeperState wanted) throws Exception {
            for (;;) {
                KeeperState state = states.poll(20, TimeUnit.SECONDS);
                Features.isTrue(state != null, "session never became " + wanted);
                if (state == wanted) {
                    return;
                }
            }
        }
    }

    static ZooKeeper open(String address, int timeoutMs, Ear ear) throws Exception {
        ZooKeeper zk = new ZooKeeper(address, timeoutMs, ear);
        ear.reaches(KeeperState.SyncConnected);
        return zk;
    }

    static ZooKeeper open(String address) throws Exception {
        return open(address, TIMEOUT_MS, new Ear());
    }

    /** The client looks for null in it, which List.of does not bear. */
    static List<ACL> acl(ACL... entries) {
        return Arrays.asList(entries);
    }

    static String make(ZooKeeper zk, String path) throws Exception {
        return zk.create(path, ONE, OPEN_ACL_UNSAFE, PERSISTENT);
    }
}
