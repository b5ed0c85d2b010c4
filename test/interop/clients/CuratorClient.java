/*
 * Curator's row of the table: from the Debian jars (5.4), against a live server. Here
 * the framework; CuratorRecipes holds the recipes.
 * Arguments: server port, proxy port, proxy control port. Works under /curator and leaves it there.
 */
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.data.Stat;

public final class CuratorClient extends CuratorScript {
    public static void main(String[] args) throws Exception {
        server = "127.0.0.1:" + args[0];
        proxied = "127.0.0.1:" + args[1];
        control = Integer.parseInt(args[2]);
        Features.feature("read-write", CuratorClient::readWrite);
        Features.feature("node-kinds", CuratorClient::nodeKinds);
        Features.feature("sequences", CuratorClient::sequences);
        Features.feature("watches", CuratorClient::watches);
        Features.feature("persistent-watches", CuratorClient::persistentWatches);
        Features.feature("remove-watches", CuratorClient::removeWatches);
        Features.feature("watches-over-reconnect", CuratorClient::watchesOverReconnect);
        Features.feature("ephemerals-over-reconnect", CuratorClient::ephemeralsOverReconnect);
        Features.feature("session-expiry", CuratorClient::sessionExpiry);
        Features.feature("transactions", CuratorClient::transactions);
        Features.feature("acls", CuratorClient::acls);
        Features.feature("containers", CuratorClient::containers);
        Features.feature("ttl", CuratorClient::ttl);
        Features.feature("sync", CuratorClient::sync);
        Features.feature("chroot", CuratorClient::chroot);
        Features.feature("recipe-lock", CuratorRecipes::locks);
        Features.feature("recipe-election", CuratorRecipes::elections);
        Features.feature("recipe-queue", CuratorRecipes::queues);
        Features.feature("recipe-counter", CuratorRecipes::counters);
        Features.feature("recipe-barrier", CuratorRecipes::barriers);
        Features.feature("recipe-group", CuratorRecipes::groups);
        Features.feature("recipe-cache", CuratorRecipes::caches);
        Features.feature("recipe-persistent-node", CuratorRecipes::persistentNodes);
        Features.finish();
    }

    private static void readWrite() throws Exception {
        try (CuratorFramework zk = open()) {
            Stat stat = new Stat();
            zk.create().storingStatIn(stat).creatingParentsIfNeeded().forPath("/curator/rw/a/b", ONE);
            Features.equal(stat, zk.checkExists().forPath("/curator/rw/a/b"), "stat of create2");
            Features.equal("one", new String(zk.getData().forPath("/curator/rw/a/b")), "data");
            zk.setData().withVersion(0).forPath("/curator/rw/a/b", TWO);
            zk.create().orSetData().forPath("/curator/rw/a/b", ONE);
            Features.equal(2, zk.checkExists().forPath("/curator/rw/a/b").getVersion(), "version");
            Features.equal(List.of("b"), zk.getChildren().forPath("/curator/rw/a"), "children");
            zk.delete().guaranteed().deletingChildrenIfNeeded().forPath("/curator/rw");
            Features.equal(null, zk.checkExists().forPath("/curator/rw"), "gone");
            zk.delete().quietly().forPath("/curator/rw");
        }
    }

    private static void nodeKinds() throws Exception {
        try (CuratorFramework zk = open()) {
            zk.create().creatingParentsIfNeeded().withMode(CreateMode.EPHEMERAL).forPath("/curator/kinds/e");
            long id = zk.getZookeeperClient().getZooKeeper().getSessionId();
            Features.equal(id, zk.checkExists().forPath("/curator/kinds/e").getEphemeralOwner(), "owner");
            zk.create().withMode(CreateMode.CONTAINER).forPath("/curator/kinds/c");
            zk.create().withTtl(600_000).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/curator/kinds/t");
        }
    }

    private static void sequences() throws Exception {
        try (CuratorFramework zk = open()) {
            String first = zk.create().creatingParentsIfNeeded().withMode(CreateMode.PERSISTENT_SEQUENTIAL)
                .forPath("/curator/seq/n-");
            Features.equal("/curator/seq/n-0000000000", first, "first");
            String second = zk.create().withProtection().withMode(CreateMode.EPHEMERAL_SEQUENTIAL)
                .forPath("/curator/seq/n-");
            Features.isTrue(second.endsWith("n-0000000001"), "protected: " + second);
        }
    }

    private static void watches() throws Exception {
        try (CuratorFramework zk = open(); CuratorFramework other = open()) {
            LinkedBlockingQueue<WatchedEvent> ear = new LinkedBlockingQueue<>();
            zk.checkExists().usingWatcher((Watcher) ear::add).forPath("/curator/w");
            other.create().forPath("/curator/w");
            Features.equal(Watcher.Event.EventType.NodeCreated, taken(ear, "created").getType(), "event");
            zk.getData().usingWatcher((Watcher) ear::add).forPath("/curator/w");
            other.setData().forPath("/curator/w", TWO);
            Features.equal(Watcher.Event.EventType.NodeDataChanged, taken(ear, "changed").getType(), "event");
        }
    }

    private static void persistentWatches() throws Exception {
        try (CuratorFramework zk = open(); CuratorFramework other = open()) {
            LinkedBlockingQueue<String> ear = new LinkedBlockingQueue<>();
            zk.create().forPath("/curator/pw");
            try (PersistentWatcher watcher = new PersistentWatcher(zk, "/curator/pw", true)) {
                CountDownLatch set = new CountDownLatch(1);
                watcher.getResetListenable().addListener(set::countDown);
                watcher.getListenable().addListener(event -> ear.add(event.getType() + " " + event.getPath()));
                watcher.start();
                Features.isTrue(set.await(DEADLINE_S, TimeUnit.SECONDS), "watch set");
                other.create().forPath("/curator/pw/a", ONE);
                other.setData().forPath("/curator/pw/a", TWO);
                other.delete().forPath("/curator/pw/a");
                Features.equal("NodeCreated /curator/pw/a", taken(ear, "event"), "first");
                Features.equal("NodeDataChanged /curator/pw/a", taken(ear, "event"), "second");
                Features.equal("NodeDeleted /curator/pw/a", taken(ear, "event"), "third");
            }
        }
    }

    private static void removeWatches() throws Exception {
        try (CuratorFramework zk = open()) {
            LinkedBlockingQueue<WatchedEvent> ear = new LinkedBlockingQueue<>();
            Watcher watcher = ear::add;
            zk.create().forPath("/curator/rm", ONE);
            zk.getData().usingWatcher(watcher).forPath("/curator/rm");
            zk.watches().remove(watcher).ofType(Watcher.WatcherType.Data).forPath("/curator/rm");
            Features.equal(Watcher.Event.EventType.DataWatchRemoved, taken(ear, "removal").getType(), "event");
            zk.setData().forPath("/curator/rm", TWO);
            zk.checkExists().forPath("/curator/rm");
            Features.isTrue(ear.isEmpty(), "still watching");
        }
    }

    private static void watchesOverReconnect() throws Exception {
        try (CuratorFramework zk = open(proxied); CuratorFramework other = open()) {
            LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
            other.create().forPath("/curator/again", ONE);
            try (CuratorCache cache = CuratorCache.build(zk, "/curator/again")) {
                cache.listenable().addListener(CuratorCacheListener.builder()
                    .forCreates(node -> seen.add("created"))
                    .forChanges((old, node) -> seen.add(new String(node.getData())))
                    .build());
                cache.start();
                Features.equal("created", taken(seen, "first"), "first");
                Features.proxy(control, "pause");
                other.setData().forPath("/curator/again", "missed".getBytes());
                Features.proxy(control, "resume");
                Features.equal("missed", taken(seen, "change while away"), "caught up");
                other.setData().forPath("/curator/again", "live".getBytes());
                Features.equal("live", taken(seen, "change afterwards"), "watching again");
            }
        }
    }

    private static void ephemeralsOverReconnect() throws Exception {
        try (CuratorFramework zk = open(proxied); CuratorFramework other = open()) {
            LinkedBlockingQueue<ConnectionState> states = new LinkedBlockingQueue<>();
            zk.create().withMode(CreateMode.EPHEMERAL).forPath("/curator/stays");
            zk.getConnectionStateListenable().addListener((client, state) -> states.add(state));
            Stat before = other.checkExists().forPath("/curator/stays");
            Features.proxy(control, "cut");
            Features.equal(ConnectionState.SUSPENDED, taken(states, "suspended"), "state");
            Features.equal(ConnectionState.RECONNECTED, taken(states, "reconnected"), "state");
            Features.equal(before, other.checkExists().forPath("/curator/stays"), "the same node");
        }
    }

    private static void sessionExpiry() throws Exception {
        CuratorFramework zk = CuratorFrameworkFactory.builder().connectString(proxied).sessionTimeoutMs(1500)
            .connectionTimeoutMs(1000).retryPolicy(new RetryOneTime(100)).build();
        zk.start();
        try (CuratorFramework other = open(); PersistentNode node =
                new PersistentNode(zk, CreateMode.EPHEMERAL, false, "/curator/reborn", ONE)) {
            node.start();
            Features.isTrue(node.waitForInitialCreate(DEADLINE_S, TimeUnit.SECONDS), "created");
            long before = other.checkExists().forPath("/curator/reborn").getEphemeralOwner();
            CountDownLatch gone = new CountDownLatch(1);
            other.checkExists().usingWatcher((Watcher) event -> gone.countDown()).forPath("/curator/reborn");
            Features.proxy(control, "pause");
            Features.isTrue(gone.await(DEADLINE_S, TimeUnit.SECONDS), "expired");
            Features.proxy(control, "resume");
            Features.eventually(() -> other.checkExists().forPath("/curator/reborn") != null, "made again");
            Features.isTrue(before != other.checkExists().forPath("/curator/reborn").getEphemeralOwner(), "new session");
        } finally {
            zk.close();
        }
    }

    private static void transactions() throws Exception {
        try (CuratorFramework zk = open()) {
            zk.create().forPath("/curator/tx", ONE);
            CuratorOp create = zk.transactionOp().create().forPath("/curator/tx/a", ONE);
            CuratorOp set = zk.transactionOp().setData().withVersion(0).forPath("/curator/tx", TWO);
            CuratorOp check = zk.transactionOp().check().withVersion(1).forPath("/curator/tx");
            CuratorOp delete = zk.transactionOp().delete().forPath("/curator/tx/a");
            List<CuratorTransactionResult> results = zk.transaction().forOperations(create, set, check, delete);
            Features.equal(4, results.size(), "results");
            Features.equal("/curator/tx/a", results.get(0).getResultPath(), "path");
            Features.equal(1, results.get(1).getResultStat().getVersion(), "version");
            try {
                zk.transaction().forOperations(create, check, zk.transactionOp().check().withVersion(9).forPath("/curator/tx"));
                throw new AssertionError("a failing transaction went through");
            } catch (KeeperException.BadVersionException e) {
                Features.equal(null, zk.checkExists().forPath("/curator/tx/a"), "rolled back");
            }
        }
    }

    private static void acls() throws Exception {
        CuratorFramework ann = CuratorFrameworkFactory.builder().connectString(server)
            .retryPolicy(new RetryOneTime(100)).authorization("digest", "ann:secret".getBytes()).build();
        ann.start();
        try (CuratorFramework nobody = open()) {
            ann.create().withACL(org.apache.zookeeper.ZooDefs.Ids.CREATOR_ALL_ACL).forPath("/curator/acl", ONE);
            ann.setData().forPath("/curator/acl", TWO);
            Features.refused(KeeperException.Code.NOAUTH, () -> nobody.getData().forPath("/curator/acl"), "read");
            ann.setACL().withVersion(0).withACL(org.apache.zookeeper.ZooDefs.Ids.READ_ACL_UNSAFE).forPath("/curator/acl");
            nobody.getData().forPath("/curator/acl");
            Features.refused(KeeperException.Code.NOAUTH, () -> nobody.setData().forPath("/curator/acl", ONE), "write");
        } finally {
            ann.close();
        }
    }

    private static void containers() throws Exception {
        try (CuratorFramework zk = open()) {
            zk.create().creatingParentContainersIfNeeded().forPath("/curator/box/thing");
            CountDownLatch gone = new CountDownLatch(1);
            zk.checkExists().usingWatcher((Watcher) event -> gone.countDown()).forPath("/curator/box");
            zk.delete().forPath("/curator/box/thing");
            Features.isTrue(gone.await(DEADLINE_S, TimeUnit.SECONDS), "swept");
        }
    }

    private static void ttl() throws Exception {
        try (CuratorFramework zk = open()) {
            zk.create().withTtl(100).withMode(CreateMode.PERSISTENT_WITH_TTL).forPath("/curator/short");
            Features.eventually(() -> zk.checkExists().forPath("/curator/short") == null, "swept");
            try (PersistentTtlNode node = new PersistentTtlNode(zk, "/curator/kept-ttl", 60_000, ONE)) {
                node.start();
                Features.isTrue(node.waitForInitialCreate(DEADLINE_S, TimeUnit.SECONDS), "kept TTL node");
            }
        }
    }

    private static void sync() throws Exception {
        try (CuratorFramework zk = open()) {
            zk.sync().forPath("/curator");
        }
    }

    private static void chroot() throws Exception {
        try (CuratorFramework zk = open()) {
            CuratorFramework below = zk.usingNamespace("curator/space");
            below.create().forPath("/x", ONE);
            Features.isTrue(zk.checkExists().forPath("/curator/space/x") != null, "namespace");
            Features.equal(List.of("x"), below.getChildren().forPath("/"), "children");
        }
    }
}
