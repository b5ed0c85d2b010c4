/*
 * The Java client's row of the table: every feature the 3.8.0 client has, against a live server.
 * Here the nodes, watches and requests; JavaSessions and JavaRights hold the others.
 * Arguments: server port, proxy port, proxy control port. Works under /java and leaves it there.
 * The server must know the super user super:admin, have extended types and quota enforcement on,
 * sweep containers every second or so, and allow session timeouts from 1 s.
 */
import static org.apache.zookeeper.CreateMode.CONTAINER;
import static org.apache.zookeeper.CreateMode.EPHEMERAL;
import static org.apache.zookeeper.CreateMode.EPHEMERAL_SEQUENTIAL;
import static org.apache.zookeeper.CreateMode.PERSISTENT;
import static org.apache.zookeeper.CreateMode.PERSISTENT_SEQUENTIAL;
import static org.apache.zookeeper.CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL;
import static org.apache.zookeeper.CreateMode.PERSISTENT_WITH_TTL;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.Watcher.Event.EventType;
import org.apache.zookeeper.Watcher.WatcherType;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;

public final class JavaClient extends JavaScript {
    public static void main(String[] args) throws Exception {
        server = "127.0.0.1:" + args[0];
        proxied = "127.0.0.1:" + args[1];
        control = Integer.parseInt(args[2]);
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java");
        }
        Features.feature("session", JavaSessions::session);
        Features.feature("read-write", JavaClient::readWrite);
        Features.feature("node-kinds", JavaClient::nodeKinds);
        Features.feature("sequences", JavaClient::sequences);
        Features.feature("watches", JavaClient::watches);
        Features.feature("persistent-watches", JavaClient::persistentWatches);
        Features.feature("remove-watches", JavaClient::removeWatches);
        Features.feature("watches-over-reconnect", JavaSessions::watchesOverReconnect);
        Features.feature("ephemerals", JavaSessions::ephemerals);
        Features.feature("ephemerals-over-reconnect", JavaSessions::ephemeralsOverReconnect);
        Features.feature("session-reopened", JavaSessions::sessionReopened);
        Features.feature("session-expiry", JavaSessions::sessionExpiry);
        Features.feature("transactions", JavaClient::transactions);
        Features.feature("multi-read", JavaClient::multiRead);
        Features.feature("acls", JavaRights::acls);
        Features.feature("acl-masking", JavaRights::aclMasking);
        Features.feature("auth-failure", JavaRights::authFailure);
        Features.feature("super-user", JavaRights::superUser);
        Features.feature("quotas", JavaRights::quotas);
        Features.feature("containers", JavaClient::containers);
        Features.feature("ttl", JavaClient::ttl);
        Features.feature("sync", JavaClient::sync);
        Features.feature("get-ephemerals", JavaClient::getEphemerals);
        Features.feature("all-children-number", JavaClient::allChildrenNumber);
        Features.feature("who-am-i", JavaRights::whoAmI);
        Features.feature("chroot", JavaClient::chroot);
        Features.feature("large-packets", JavaSessions::largePackets);
        Features.feature("read-only-flag", JavaSessions::readOnlyFlag);
        Features.feature("config-node", JavaRights::configNode);
        Features.feature("pipelining", JavaClient::pipelining);
        Features.finish();
    }

    private static void readWrite() throws Exception {
        try (ZooKeeper zk = open(server)) {
            Stat created = new Stat();
            Features.equal("/java/rw", zk.create("/java/rw", ONE, OPEN_ACL_UNSAFE, PERSISTENT, created), "path");
            Features.equal(created, zk.exists("/java/rw", false), "stat of create2");
            Features.equal(0, created.getVersion(), "first version");
            Features.equal(3, created.getDataLength(), "data length");
            Features.equal(created.getCzxid(), created.getPzxid(), "pzxid of a new node");
            Stat read = new Stat();
            Features.equal(ONE, zk.getData("/java/rw", false, read), "data");
            Features.equal(created, read, "stat of getData");
            Stat set = zk.setData("/java/rw", TWO, 0);
            Features.equal(1, set.getVersion(), "second version");
            Features.isTrue(set.getMzxid() > set.getCzxid(), "mzxid moves");
            Features.refused(Code.BADVERSION, () -> zk.setData("/java/rw", ONE, 0), "stale version");
            make(zk, "/java/rw/b");
            make(zk, "/java/rw/a");
            Stat parent = new Stat();
            List<String> children = zk.getChildren("/java/rw", false, parent);
            Features.equal(new TreeSet<>(List.of("a", "b")), new TreeSet<>(children), "children");
            Features.equal(2, parent.getNumChildren(), "numChildren");
            Features.equal(2, parent.getCversion(), "cversion after two creates");
            Features.equal(2, zk.getChildren("/java/rw", false).size(), "children without stat");
            zk.setData("/java/rw", null, -1);
            Features.equal(null, zk.getData("/java/rw", false, null), "null data");
            Features.refused(Code.NOTEMPTY, () -> zk.delete("/java/rw", -1), "delete with children");
            Features.refused(Code.NONODE, () -> zk.delete("/java/none", -1), "delete of nothing");
            Features.refused(Code.NONODE, () -> make(zk, "/java/none/x"), "create below nothing");
            Features.refused(Code.NODEEXISTS, () -> make(zk, "/java/rw"), "create twice");
            Features.refused(Code.BADVERSION, () -> zk.delete("/java/rw/a", 7), "delete wrong version");
            zk.delete("/java/rw/a", 0);
            zk.delete("/java/rw/b", -1);
            Features.equal(4, zk.exists("/java/rw", false).getCversion(), "cversion counts deletes");
            zk.delete("/java/rw", -1);
            Features.equal(null, zk.exists("/java/rw", false), "gone");
        }
    }

    private static void nodeKinds() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/kinds");
            Stat stat = new Stat();
            zk.create("/java/kinds/e", ONE, OPEN_ACL_UNSAFE, EPHEMERAL, stat);
            Features.equal(zk.getSessionId(), stat.getEphemeralOwner(), "owner of an ephemeral");
            Features.refused(Code.NOCHILDRENFOREPHEMERALS, () -> make(zk, "/java/kinds/e/x"), "child of an ephemeral");
            zk.create("/java/kinds/c", ONE, OPEN_ACL_UNSAFE, CONTAINER, stat);
            Features.equal(0L, stat.getEphemeralOwner(), "owner of a container");
            zk.create("/java/kinds/t", ONE, OPEN_ACL_UNSAFE, PERSISTENT_WITH_TTL, stat, 600_000);
            Features.equal(0L, stat.getEphemeralOwner(), "owner of a TTL node");
            make(zk, "/java/kinds/t/child");
        }
        try (ZooKeeper zk = open(server)) {
            Features.equal(null, zk.exists("/java/kinds/e", false), "ephemeral after close");
            Features.isTrue(zk.exists("/java/kinds/c", false) != null, "container after close");
        }
    }

    private static void sequences() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/seq");
            Features.equal("/java/seq/n-0000000000",
                zk.create("/java/seq/n-", ONE, OPEN_ACL_UNSAFE, PERSISTENT_SEQUENTIAL), "first");
            make(zk, "/java/seq/plain");
            Features.equal("/java/seq/n-0000000002",
                zk.create("/java/seq/n-", ONE, OPEN_ACL_UNSAFE, EPHEMERAL_SEQUENTIAL), "plain creates count");
            zk.delete("/java/seq/plain", -1);
            Features.equal("/java/seq/0000000003",
                zk.create("/java/seq/", ONE, OPEN_ACL_UNSAFE, PERSISTENT_SEQUENTIAL), "deletes do not");
            Features.equal("/java/seq/t-0000000004", zk.create("/java/seq/t-", ONE, OPEN_ACL_UNSAFE,
                PERSISTENT_SEQUENTIAL_WITH_TTL, new Stat(), 600_000), "sequential TTL node");
        }
    }

    private static void watches() throws Exception {
        try (ZooKeeper zk = open(server); ZooKeeper other = open(server)) {
            Ear ear = new Ear();
            Features.equal(null, zk.exists("/java/w", ear), "not yet there");
            make(other, "/java/w");
            ear.hears(EventType.NodeCreated, "/java/w");
            zk.getData("/java/w", ear, null);
            other.setData("/java/w", TWO, -1);
            ear.hears(EventType.NodeDataChanged, "/java/w");
            other.setData("/java/w", ONE, -1);
            zk.getChildren("/java/w", ear);
            make(other, "/java/w/c");
            ear.hears(EventType.NodeChildrenChanged, "/java/w");
            zk.getChildren("/java/w", ear);
            other.delete("/java/w/c", -1);
            ear.hears(EventType.NodeChildrenChanged, "/java/w");
            Ear data = new Ear();
            Ear child = new Ear();
            zk.exists("/java/w", data);
            zk.getChildren("/java/w", child);
            other.delete("/java/w", -1);
            data.hears(EventType.NodeDeleted, "/java/w");
            child.hears(EventType.NodeDeleted, "/java/w");
            zk.sync("/java", (rc, path, ctx) -> {}, null);
            zk.exists("/java", false);
            for (Ear each : List.of(ear, data, child)) {
                each.hearsNothingMore();
            }
        }
    }

    private static void persistentWatches() throws Exception {
        try (ZooKeeper zk = open(server); ZooKeeper other = open(server)) {
            Ear ear = new Ear();
            make(zk, "/java/pw");
            zk.addWatch("/java/pw", ear, AddWatchMode.PERSISTENT);
            for (int i = 0; i < 3; i++) {
                other.setData("/java/pw", TWO, -1);
                ear.hears(EventType.NodeDataChanged, "/java/pw");
            }
            make(other, "/java/pw/c");
            ear.hears(EventType.NodeChildrenChanged, "/java/pw");
            other.delete("/java/pw/c", -1);
            ear.hears(EventType.NodeChildrenChanged, "/java/pw");
            other.delete("/java/pw", -1);
            ear.hears(EventType.NodeDeleted, "/java/pw");
            make(other, "/java/pw");
            ear.hears(EventType.NodeCreated, "/java/pw");

            Ear deep = new Ear();
            make(zk, "/java/rec");
            zk.addWatch("/java/rec", deep, AddWatchMode.PERSISTENT_RECURSIVE);
            make(other, "/java/rec/a");
            deep.hears(EventType.NodeCreated, "/java/rec/a");
            make(other, "/java/rec/a/b");
            deep.hears(EventType.NodeCreated, "/java/rec/a/b");
            other.setData("/java/rec/a/b", TWO, -1);
            deep.hears(EventType.NodeDataChanged, "/java/rec/a/b");
            other.delete("/java/rec/a/b", -1);
            deep.hears(EventType.NodeDeleted, "/java/rec/a/b");
            other.setData("/java/rec", TWO, -1);
            deep.hears(EventType.NodeDataChanged, "/java/rec");
            zk.exists("/java", false);
            ear.hearsNothingMore();
            deep.hearsNothingMore();
        }
    }

    private static void removeWatches() throws Exception {
        try (ZooKeeper zk = open(server); ZooKeeper other = open(server)) {
            make(zk, "/java/rm");
            Ear data = new Ear();
            Ear child = new Ear();
            Ear twin = new Ear();
            zk.getData("/java/rm", data, null);
            zk.getData("/java/rm", twin, null);
            zk.getChildren("/java/rm", child);
            // One of two watchers on a path: the client asks checkWatches. The last one: removeWatches.
            zk.removeWatches("/java/rm", data, WatcherType.Data, false);
            data.hears(EventType.DataWatchRemoved, "/java/rm");
            zk.removeWatches("/java/rm", child, WatcherType.Children, false);
            child.hears(EventType.ChildWatchRemoved, "/java/rm");
            other.setData("/java/rm", TWO, -1);
            twin.hears(EventType.NodeDataChanged, "/java/rm");
            make(other, "/java/rm/c");
            Features.refused(Code.NOWATCHER,
                () -> zk.removeWatches("/java/rm", data, WatcherType.Data, false), "nothing to remove");
            Features.refused(Code.NOWATCHER,
                () -> zk.removeAllWatches("/java/never", WatcherType.Any, false), "never watched");
            Ear all = new Ear();
            zk.addWatch("/java/rm", all, AddWatchMode.PERSISTENT);
            zk.removeAllWatches("/java/rm", WatcherType.Any, false);
            all.hears(EventType.PersistentWatchRemoved, "/java/rm");
            other.setData("/java/rm", ONE, -1);
            zk.exists("/java", false);
            for (Ear each : List.of(data, child, twin, all)) {
                each.hearsNothingMore();
            }
        }
    }

    private static void transactions() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/tx");
            List<OpResult> results = zk.multi(List.of(
                Op.create("/java/tx/a", ONE, OPEN_ACL_UNSAFE, PERSISTENT),
                Op.create("/java/tx/a/s-", ONE, OPEN_ACL_UNSAFE, PERSISTENT_SEQUENTIAL),
                Op.create("/java/tx/a/s-", ONE, OPEN_ACL_UNSAFE, PERSISTENT_SEQUENTIAL),
                Op.check("/java/tx/a", 0),
                Op.setData("/java/tx/a", TWO, 0),
                Op.create("/java/tx/c", ONE, OPEN_ACL_UNSAFE, CONTAINER),
                Op.create("/java/tx/t", ONE, OPEN_ACL_UNSAFE, PERSISTENT_WITH_TTL, 600_000),
                Op.delete("/java/tx/a/s-0000000000", 0)));
            Features.equal("/java/tx/a/s-0000000001", ((OpResult.CreateResult) results.get(2)).getPath(), "path");
            Features.equal(1, ((OpResult.SetDataResult) results.get(4)).getStat().getVersion(), "version");
            Features.equal(List.of("s-0000000001"), zk.getChildren("/java/tx/a", false), "children");
            Stat a = zk.exists("/java/tx/a", false);
            Features.equal(a.getCzxid(), a.getMzxid(), "one zxid for all");

            try {
                zk.multi(List.of(
                    Op.create("/java/tx/b", ONE, OPEN_ACL_UNSAFE, PERSISTENT),
                    Op.check("/java/tx/a", 99),
                    Op.delete("/java/tx/a", -1)));
                throw new AssertionError("a failing multi went through");
            } catch (KeeperException e) {
                List<Integer> codes = new ArrayList<>();
                for (OpResult result : e.getResults()) {
                    codes.add(((OpResult.ErrorResult) result).getErr());
                }
                Features.equal(List.of(0, Code.BADVERSION.intValue(), Code.RUNTIMEINCONSISTENCY.intValue()), codes, "codes");
                Features.equal(Code.BADVERSION, e.code(), "code of the whole");
            }
            Features.equal(null, zk.exists("/java/tx/b", false), "rolled back");
            Features.equal(0, zk.multi(Collections.<Op>emptyList()).size(), "empty multi");
            zk.transaction().setData("/java/tx/a", ONE, 1).check("/java/tx/a", 2).commit();
            Features.equal(2, zk.exists("/java/tx/a", false).getVersion(), "later ops see earlier ones");
        }
    }

    private static void multiRead() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/mr");
            make(zk, "/java/mr/x");
            zk.create("/java/mr/secret", ONE, acl(new ACL(Perms.ADMIN, Ids.ANYONE_ID_UNSAFE)), PERSISTENT);
            List<OpResult> results = zk.multi(List.of(
                Op.getData("/java/mr"),
                Op.getChildren("/java/mr"),
                Op.getData("/java/mr/none"),
                Op.getData("/java/mr/secret"),
                Op.getChildren("/java/mr/x")));
            OpResult.GetDataResult data = (OpResult.GetDataResult) results.get(0);
            Features.equal(ONE, data.getData(), "data");
            Features.equal(2, data.getStat().getNumChildren(), "stat");
            Features.equal(new TreeSet<>(List.of("x", "secret")),
                new TreeSet<>(((OpResult.GetChildrenResult) results.get(1)).getChildren()), "children");
            Features.equal(Code.NONODE.intValue(), ((OpResult.ErrorResult) results.get(2)).getErr(), "missing");
            Features.equal(Code.NOAUTH.intValue(), ((OpResult.ErrorResult) results.get(3)).getErr(), "forbidden");
            Features.equal(List.of(), ((OpResult.GetChildrenResult) results.get(4)).getChildren(), "no children");
        }
    }

    private static void containers() throws Exception {
        try (ZooKeeper zk = open(server)) {
            zk.create("/java/box", ONE, OPEN_ACL_UNSAFE, CONTAINER);
            zk.create("/java/never-used", ONE, OPEN_ACL_UNSAFE, CONTAINER);
            make(zk, "/java/box/thing");
            Ear ear = new Ear();
            zk.exists("/java/box", ear);
            zk.delete("/java/box/thing", -1);
            ear.hears(EventType.NodeDeleted, "/java/box");
            Features.isTrue(zk.exists("/java/never-used", false) != null, "an unused container stays");
        }
    }

    private static void ttl() throws Exception {
        try (ZooKeeper zk = open(server)) {
            Ear ear = new Ear();
            zk.create("/java/parent-of-ttl", ONE, OPEN_ACL_UNSAFE, PERSISTENT_WITH_TTL, null, 100);
            make(zk, "/java/parent-of-ttl/c");
            zk.create("/java/short", ONE, OPEN_ACL_UNSAFE, PERSISTENT_WITH_TTL, null, 100);
            zk.create("/java/long", ONE, OPEN_ACL_UNSAFE, PERSISTENT_WITH_TTL, null, 600_000);
            zk.exists("/java/short", ear);
            ear.hears(EventType.NodeDeleted, "/java/short");
            Features.isTrue(zk.exists("/java/parent-of-ttl", false) != null, "one with a child stays");
            Features.isTrue(zk.exists("/java/long", false) != null, "one whose time has not come stays");
        }
    }

    private static void sync() throws Exception {
        try (ZooKeeper zk = open(server)) {
            CompletableFuture<String> done = new CompletableFuture<>();
            zk.sync("/java/does-not-exist", (rc, path, ctx) -> done.complete(rc + " " + path), null);
            Features.equal("0 /java/does-not-exist", done.get(10, TimeUnit.SECONDS), "sync");
        }
    }

    private static void getEphemerals() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/ge");
            for (String name : List.of("/java/ge/a", "/java/ge-b", "/java/egg")) {
                zk.create(name, ONE, OPEN_ACL_UNSAFE, EPHEMERAL);
            }
            Features.equal(new TreeSet<>(List.of("/java/ge/a", "/java/ge-b", "/java/egg")),
                new TreeSet<>(zk.getEphemerals()), "all");
            Features.equal(new TreeSet<>(List.of("/java/ge/a", "/java/ge-b")),
                new TreeSet<>(zk.getEphemerals("/java/ge")), "by prefix of the text");
        }
        try (ZooKeeper zk = open(server)) {
            Features.equal(List.of(), zk.getEphemerals(), "only one's own");
        }
    }

    private static void allChildrenNumber() throws Exception {
        try (ZooKeeper zk = open(server)) {
            for (String path : List.of("/java/n", "/java/n/a", "/java/n/a/b", "/java/n/a/b/c", "/java/n-x")) {
                make(zk, path);
            }
            Features.equal(3, zk.getAllChildrenNumber("/java/n"), "all below");
            Features.equal(0, zk.getAllChildrenNumber("/java/n-x"), "a leaf");
            Features.isTrue(zk.getAllChildrenNumber("/") > 5, "all of the tree");
            Features.refused(Code.NONODE, () -> zk.getAllChildrenNumber("/java/none"), "nothing");
        }
    }

    private static void chroot() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/root");
            try (ZooKeeper below = open(server + "/java/root")) {
                Ear ear = new Ear();
                below.exists("/x", ear);
                Features.equal("/x", make(below, "/x"), "path of create");
                ear.hears(EventType.NodeCreated, "/x");
                Features.equal(List.of("x"), below.getChildren("/", false), "children of the root");
                Features.equal("/s-0000000001",
                    below.create("/s-", ONE, OPEN_ACL_UNSAFE, PERSISTENT_SEQUENTIAL), "sequence");
                below.multi(List.of(Op.create("/m", ONE, OPEN_ACL_UNSAFE, PERSISTENT)));
            }
            Features.isTrue(zk.exists("/java/root/m", false) != null, "seen from above");
        }
    }

    private static void pipelining() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/pipe");
            int count = 2000;
            LinkedBlockingQueue<String> answers = new LinkedBlockingQueue<>();
            for (int i = 0; i < count; i++) {
                String path = "/java/pipe/" + i;
                zk.create(path, ONE, OPEN_ACL_UNSAFE, PERSISTENT, (rc, p, ctx, name) -> answers.add(rc + p), null);
                zk.getData(path, false, (rc, p, ctx, data, stat) -> answers.add(rc + p), null);
                zk.delete(path, 0, (rc, p, ctx) -> answers.add(rc + p), null);
            }
            for (int i = 0; i < 3 * count; i++) {
                Features.equal("0/java/pipe/" + i / 3, answers.poll(20, TimeUnit.SECONDS), "answer " + i);
            }
        }
    }
}
