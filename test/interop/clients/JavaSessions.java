/*
 * Of the Java client's row: sessions and connections, what survives a cut and what does not, and the
 * limits of a connection.
 */
import static org.apache.zookeeper.CreateMode.EPHEMERAL;
import static org.apache.zookeeper.CreateMode.EPHEMERAL_SEQUENTIAL;
import static org.apache.zookeeper.CreateMode.PERSISTENT;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.Arrays;
import java.util.List;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.Stat;

final class JavaSessions extends JavaScript {
    static void session() throws Exception {
        Ear ear = new Ear();
        try (ZooKeeper zk = open(server, 10, ear)) {
            Features.equal(1000, zk.getSessionTimeout(), "timeout raised to the minimum");
            Features.equal(16, zk.getSessionPasswd().length, "length of the password");
            Features.isTrue(zk.getSessionId() != 0, "a session id");
        }
        try (ZooKeeper zk = open(server, 100_000_000, new Ear())) {
            Features.equal(600_000, zk.getSessionTimeout(), "timeout lowered to the maximum");
        }
        ear.reaches(KeeperState.Closed);
    }

    static void watchesOverReconnect() throws Exception {
        Ear session = new Ear();
        try (ZooKeeper zk = open(proxied, TIMEOUT_MS, session); ZooKeeper other = open(server)) {
            for (String name : List.of("quiet", "data", "child", "gone", "persistent", "recursive")) {
                make(zk, "/java/" + name);
            }
            Ear quiet = new Ear();
            Ear missed = new Ear();
            Ear created = new Ear();
            Ear lasting = new Ear();
            zk.getData("/java/quiet", quiet, null);
            zk.exists("/java/not-yet", created);
            zk.getData("/java/data", missed, null);
            zk.addWatch("/java/persistent", lasting, AddWatchMode.PERSISTENT);
            zk.addWatch("/java/recursive", lasting, AddWatchMode.PERSISTENT_RECURSIVE);
            Features.proxy(control, "pause");
            other.setData("/java/data", TWO, -1);
            make(other, "/java/not-yet");
            Features.proxy(control, "resume");
            session.reaches(KeeperState.Disconnected);
            session.reaches(KeeperState.SyncConnected);
            missed.hears(EventType.NodeDataChanged, "/java/data");
            created.hears(EventType.NodeCreated, "/java/not-yet");

            zk.getChildren("/java/child", missed);
            Ear gone = new Ear();
            zk.getData("/java/gone", gone, null);
            zk.getChildren("/java/gone", gone);
            Features.proxy(control, "pause");
            make(other, "/java/child/x");
            other.delete("/java/gone", -1);
            Features.proxy(control, "resume");
            session.reaches(KeeperState.SyncConnected);
            missed.hears(EventType.NodeChildrenChanged, "/java/child");
            gone.hears(EventType.NodeDeleted, "/java/gone");

            other.setData("/java/quiet", TWO, -1);
            quiet.hears(EventType.NodeDataChanged, "/java/quiet");
            other.setData("/java/persistent", TWO, -1);
            lasting.hears(EventType.NodeDataChanged, "/java/persistent");
            make(other, "/java/recursive/x");
            lasting.hears(EventType.NodeCreated, "/java/recursive/x");
        }
    }

    static void ephemerals() throws Exception {
        try (ZooKeeper watcher = open(server)) {
            Ear ear = new Ear();
            try (ZooKeeper zk = open(server)) {
                zk.create("/java/eph", ONE, OPEN_ACL_UNSAFE, EPHEMERAL);
                watcher.exists("/java/eph", ear);
            }
            ear.hears(EventType.NodeDeleted, "/java/eph");
        }
    }

    static void ephemeralsOverReconnect() throws Exception {
        Ear session = new Ear();
        try (ZooKeeper zk = open(proxied, TIMEOUT_MS, session); ZooKeeper other = open(server)) {
            long id = zk.getSessionId();
            zk.create("/java/stays", ONE, OPEN_ACL_UNSAFE, EPHEMERAL);
            for (int i = 0; i < 2; i++) {
                Features.proxy(control, "cut");
                session.reaches(KeeperState.Disconnected);
                session.reaches(KeeperState.SyncConnected);
                Features.equal(id, zk.getSessionId(), "same session");
                Stat stat = other.exists("/java/stays", false);
                Features.equal(id, stat == null ? null : stat.getEphemeralOwner(), "owner after a cut");
                zk.setData("/java/stays", TWO, i);
            }
        }
    }

    static void sessionReopened() throws Exception {
        Ear first = new Ear();
        ZooKeeper zk = open(proxied, TIMEOUT_MS, first);
        zk.create("/java/moved", ONE, OPEN_ACL_UNSAFE, EPHEMERAL);
        Features.proxy(control, "pause"); // or the first handle would fight for its session
        Ear thief = new Ear();
        try (ZooKeeper wrong = new ZooKeeper(server, TIMEOUT_MS, thief, zk.getSessionId(), new byte[16])) {
            thief.reaches(KeeperState.Expired);
        }
        Ear second = new Ear();
        ZooKeeper again = new ZooKeeper(server, TIMEOUT_MS, second, zk.getSessionId(), zk.getSessionPasswd());
        second.reaches(KeeperState.SyncConnected);
        Features.equal(zk.getSessionId(), again.getSessionId(), "same session");
        Features.equal(List.of("/java/moved"), again.getEphemerals(), "its ephemerals");
        again.close();
        Features.proxy(control, "resume");
        first.reaches(KeeperState.Expired);
        zk.close();
        try (ZooKeeper other = open(server)) {
            Features.equal(null, other.exists("/java/moved", false), "ephemeral after close");
        }
        Ear ghost = new Ear();
        try (ZooKeeper never = new ZooKeeper(server, TIMEOUT_MS, ghost, 0x1234567812345678L, new byte[16])) {
            ghost.reaches(KeeperState.Expired);
        }
    }

    static void sessionExpiry() throws Exception {
        Ear session = new Ear();
        try (ZooKeeper other = open(server)) {
            ZooKeeper zk = open(proxied, 1500, session);
            zk.create("/java/mortal", ONE, OPEN_ACL_UNSAFE, EPHEMERAL);
            zk.create("/java/mortal-too-", ONE, OPEN_ACL_UNSAFE, EPHEMERAL_SEQUENTIAL);
            Ear ear = new Ear();
            other.exists("/java/mortal", ear);
            Features.proxy(control, "pause");
            ear.hears(EventType.NodeDeleted, "/java/mortal");
            Features.proxy(control, "resume");
            session.reaches(KeeperState.Expired);
            Features.refused(Code.SESSIONEXPIRED, () -> zk.exists("/java", false), "use after expiry");
            zk.close();
        }
    }

    static void readOnlyFlag() throws Exception {
        Ear ear = new Ear();
        try (ZooKeeper zk = new ZooKeeper(server, TIMEOUT_MS, ear, true)) {
            ear.reaches(KeeperState.SyncConnected);
            Features.equal(ZooKeeper.States.CONNECTED, zk.getState(), "a server that writes is no read-only one");
            make(zk, "/java/ro");
        }
    }

    static void largePackets() throws Exception {
        int limit = 0xfffff;
        Ear ear = new Ear();
        try (ZooKeeper zk = open(server, TIMEOUT_MS, ear)) {
            byte[] most = new byte[limit - 200];
            Arrays.fill(most, (byte) 7);
            zk.create("/java/large", most, OPEN_ACL_UNSAFE, PERSISTENT);
            Features.equal(most, zk.getData("/java/large", false, null), "read back");
            long id = zk.getSessionId();
            Features.refused(Code.CONNECTIONLOSS,
                () -> zk.create("/java/too-large", new byte[limit + 1], OPEN_ACL_UNSAFE, PERSISTENT), "too large");
            ear.reaches(KeeperState.SyncConnected);
            Features.equal(null, zk.exists("/java/too-large", false), "not done");
            Features.equal(id, zk.getSessionId(), "the session lives on");
        }
    }
}
