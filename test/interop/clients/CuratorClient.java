/*
 * Curator's row of the table: its recipes, from the Debian jars (5.4), against a live server.
 * Arguments: server port, proxy port, proxy control port. Works under /curator and leaves it there.
 */
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.framework.api.transaction.CuratorOp;
import org.apache.curator.framework.api.transaction.CuratorTransactionResult;
import org.apache.curator.framework.recipes.atomic.DistributedAtomicLong;
import org.apache.curator.framework.recipes.barriers.DistributedBarrier;
import org.apache.curator.framework.recipes.barriers.DistributedDoubleBarrier;
import org.apache.curator.framework.recipes.cache.CuratorCache;
import org.apache.curator.framework.recipes.cache.CuratorCacheListener;
import org.apache.curator.framework.recipes.cache.TreeCache;
import org.apache.curator.framework.recipes.cache.TreeCacheEvent;
import org.apache.curator.framework.recipes.leader.LeaderLatch;
import org.apache.curator.framework.recipes.leader.LeaderSelector;
import org.apache.curator.framework.recipes.leader.LeaderSelectorListenerAdapter;
import org.apache.curator.framework.recipes.locks.InterProcessMutex;
import org.apache.curator.framework.recipes.locks.InterProcessReadWriteLock;
import org.apache.curator.framework.recipes.locks.InterProcessSemaphoreV2;
import org.apache.curator.framework.recipes.locks.Lease;
import org.apache.curator.framework.recipes.nodes.GroupMember;
import org.apache.curator.framework.recipes.nodes.PersistentNode;
import org.apache.curator.framework.recipes.nodes.PersistentTtlNode;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.recipes.watch.PersistentWatcher;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.data.Stat;

public final class CuratorClient {
    private static final byte[] ONE = "one".getBytes();
    private static final byte[] TWO = "two".getBytes();
    private static final int DEADLINE_S = 30;
    private static String server;
    private static String proxied;
    private static int control;

    private static CuratorFramework open(String address) {
        CuratorFramework client = CuratorFrameworkFactory.builder()
            .connectString(address)
            .sessionTimeoutMs(10_000)
            .connectionTimeoutMs(10_000)
            .retryPolicy(new RetryOneTime(100))
            .build();
        client.start();
        return client;
    }

    private static CuratorFramework open() {
        return open(server);
    }

    private static <T> T taken(LinkedBlockingQueue<T> queue, String what) throws Exception {
        T next = queue.poll(DEADLINE_S, TimeUnit.SECONDS);
        Features.isTrue(next != null, "never came: " + what);
        return next;
    }

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
        Features.feature("recipe-lock", CuratorClient::locks);
        Features.feature("recipe-election", CuratorClient::elections);
        Features.feature("recipe-queue", CuratorClient::queues);
        Features.feature("recipe-counter", CuratorClient::counters);
        Features.feature("recipe-barrier", CuratorClient::barriers);
        Features.feature("recipe-group", CuratorClient::groups);
        Features.feature("recipe-cache", CuratorClient::caches);
        Features.feature("recipe-persistent-node", CuratorClient::persistentNodes);
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

    private static void locks() throws Exception {
        try (CuratorFramework one = open(); CuratorFramework two = open()) {
            AtomicInteger inside = new AtomicInteger();
            ExecutorService pool = Executors.newFixedThreadPool(4);
            List<Future<?>> done = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                InterProcessMutex mutex = new InterProcessMutex(i % 2 == 0 ? one : two, "/curator/mutex");
                done.add(pool.submit(() -> {
                    for (int turn = 0; turn < 3; turn++) {
                        mutex.acquire();
                        Features.equal(1, inside.incrementAndGet(), "inside the lock");
                        inside.decrementAndGet();
                        mutex.release();
                    }
                    return null;
                }));
            }
            for (Future<?> each : done) {
                each.get(DEADLINE_S, TimeUnit.SECONDS);
            }
            pool.shutdown();
            InterProcessReadWriteLock lock = new InterProcessReadWriteLock(one, "/curator/rw-lock");
            InterProcessReadWriteLock same = new InterProcessReadWriteLock(two, "/curator/rw-lock");
            lock.readLock().acquire();
            same.readLock().acquire();
            same.readLock().release();
            Features.equal(false, same.writeLock().acquire(100, TimeUnit.MILLISECONDS), "a writer beside a reader");
            lock.readLock().release();
            Features.equal(true, same.writeLock().acquire(DEADLINE_S, TimeUnit.SECONDS), "a writer alone");
            same.writeLock().release();
            InterProcessSemaphoreV2 semaphore = new InterProcessSemaphoreV2(one, "/curator/semaphore", 2);
            Lease a = semaphore.acquire();
            Lease b = semaphore.acquire();
            Features.equal(null, semaphore.acquire(100, TimeUnit.MILLISECONDS), "a third lease");
            semaphore.returnLease(a);
            semaphore.returnLease(b);
        }
    }

    private static void elections() throws Exception {
        try (CuratorFramework one = open(); CuratorFramework two = open()) {
            LeaderLatch first = new LeaderLatch(one, "/curator/latch", "1");
            LeaderLatch second = new LeaderLatch(two, "/curator/latch", "2");
            first.start();
            Features.isTrue(first.await(DEADLINE_S, TimeUnit.SECONDS), "the first leads");
            second.start();
            Features.eventually(() -> second.getParticipants().size() == 2, "two participants");
            Features.equal("1", second.getLeader().getId(), "seen by the second");
            first.close();
            Features.isTrue(second.await(DEADLINE_S, TimeUnit.SECONDS), "the second follows");
            second.close();
            List<String> led = Collections.synchronizedList(new ArrayList<>());
            CountDownLatch both = new CountDownLatch(2);
            List<LeaderSelector> selectors = new ArrayList<>();
            for (CuratorFramework zk : List.of(one, two)) {
                LeaderSelector selector = new LeaderSelector(zk, "/curator/select", new LeaderSelectorListenerAdapter() {
                    @Override
                    public void takeLeadership(CuratorFramework leader) {
                        led.add(leader == one ? "1" : "2");
                        both.countDown();
                    }
                });
                selectors.add(selector);
                selector.start();
            }
            Features.isTrue(both.await(DEADLINE_S, TimeUnit.SECONDS), "both lead in turn");
            Features.equal(new TreeSet<>(List.of("1", "2")), new TreeSet<>(led), "leaders");
            selectors.forEach(LeaderSelector::close);
        }
    }

    private static void queues() throws Exception {
        try (CuratorFramework zk = open()) {
            SimpleDistributedQueue simple = new SimpleDistributedQueue(zk, "/curator/simple-queue");
            simple.offer("a".getBytes());
            simple.offer("b".getBytes());
            Features.equal("a", new String(simple.peek()), "peek");
            Features.equal("a", new String(simple.take()), "first");
            Features.equal("b", new String(simple.poll(DEADLINE_S, TimeUnit.SECONDS)), "second");
            Features.equal(null, simple.poll(), "empty");

            LinkedBlockingQueue<String> got = new LinkedBlockingQueue<>();
            QueueConsumer<String> consumer = new QueueConsumer<>() {
                @Override
                public void consumeMessage(String message) {
                    got.add(message);
                }

                @Override
                public void stateChanged(CuratorFramework client, ConnectionState state) {}
            };
            QueueSerializer<String> text = new QueueSerializer<>() {
                @Override
                public byte[] serialize(String item) {
                    return item.getBytes();
                }

                @Override
                public String deserialize(byte[] bytes) {
                    return new String(bytes);
                }
            };
            try (DistributedQueue<String> queue = QueueBuilder.builder(zk, consumer, text, "/curator/queue").buildQueue()) {
                queue.start();
                for (int i = 0; i < 20; i++) {
                    queue.put("item-" + i);
                }
                for (int i = 0; i < 20; i++) {
                    Features.equal("item-" + i, taken(got, "item " + i), "in order");
                }
            }
        }
    }

    private static void counters() throws Exception {
        try (CuratorFramework one = open(); CuratorFramework two = open()) {
            ExecutorService pool = Executors.newFixedThreadPool(2);
            List<Future<?>> done = new ArrayList<>();
            for (CuratorFramework zk : List.of(one, two)) {
                done.add(pool.submit(() -> {
                    DistributedAtomicLong counter = new DistributedAtomicLong(zk, "/curator/long", new RetryOneTime(1));
                    for (int added = 0; added < 10; ) {
                        if (counter.increment().succeeded()) {
                            added++;
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> each : done) {
                each.get(DEADLINE_S, TimeUnit.SECONDS);
            }
            pool.shutdown();
            Features.equal(20L, new DistributedAtomicLong(one, "/curator/long", new RetryOneTime(1)).get().postValue(), "sum");
            try (SharedCount a = new SharedCount(one, "/curator/shared", 0); SharedCount b = new SharedCount(two, "/curator/shared", 0)) {
                a.start();
                b.start();
                a.setCount(7);
                Features.eventually(() -> b.getCount() == 7, "seen by the other");
                Features.equal(true, b.trySetCount(b.getVersionedValue(), 8), "set by the other");
                Features.eventually(() -> a.getCount() == 8, "seen back");
            }
        }
    }

    private static void barriers() throws Exception {
        try (CuratorFramework one = open(); CuratorFramework two = open()) {
            DistributedBarrier barrier = new DistributedBarrier(one, "/curator/barrier");
            barrier.setBarrier();
            DistributedBarrier same = new DistributedBarrier(two, "/curator/barrier");
            Features.equal(false, same.waitOnBarrier(50, TimeUnit.MILLISECONDS), "closed");
            barrier.removeBarrier();
            Features.equal(true, same.waitOnBarrier(DEADLINE_S, TimeUnit.SECONDS), "open");
            ExecutorService pool = Executors.newFixedThreadPool(2);
            List<Future<Boolean>> done = new ArrayList<>();
            for (CuratorFramework zk : List.of(one, two)) {
                done.add(pool.submit(() -> {
                    DistributedDoubleBarrier both = new DistributedDoubleBarrier(zk, "/curator/double", 2);
                    return both.enter(DEADLINE_S, TimeUnit.SECONDS) && both.leave(DEADLINE_S, TimeUnit.SECONDS);
                }));
            }
            for (Future<Boolean> each : done) {
                Features.equal(true, each.get(DEADLINE_S, TimeUnit.SECONDS), "double barrier");
            }
            pool.shutdown();
        }
    }

    private static void groups() throws Exception {
        try (CuratorFramework one = open(); CuratorFramework two = open()) {
            GroupMember ann = new GroupMember(one, "/curator/group", "ann", ONE);
            GroupMember bob = new GroupMember(two, "/curator/group", "bob", TWO);
            ann.start();
            bob.start();
            Features.eventually(() -> ann.getCurrentMembers().keySet().equals(new TreeSet<>(List.of("ann", "bob"))), "both");
            bob.close();
            Features.eventually(() -> ann.getCurrentMembers().size() == 1, "one left");
            ann.close();
        }
    }

    private static void caches() throws Exception {
        try (CuratorFramework zk = open(); CuratorFramework other = open()) {
            LinkedBlockingQueue<String> seen = new LinkedBlockingQueue<>();
            other.create().creatingParentsIfNeeded().forPath("/curator/cache/a", ONE);
            CountDownLatch loaded = new CountDownLatch(1);
            try (CuratorCache cache = CuratorCache.build(zk, "/curator/cache")) {
                cache.listenable().addListener(CuratorCacheListener.builder()
                    .forInitialized(loaded::countDown)
                    .afterInitialized()
                    .forCreates(node -> seen.add("create " + node.getPath()))
                    .forChanges((old, node) -> seen.add("change " + node.getPath()))
                    .forDeletes(node -> seen.add("delete " + node.getPath()))
                    .build());
                cache.listenable().addListener(CuratorCacheListener.builder().forInitialized(loaded::countDown).build());
                cache.start();
                Features.isTrue(loaded.await(DEADLINE_S, TimeUnit.SECONDS), "loaded");
                Features.equal(2, cache.size(), "nodes");
                other.create().forPath("/curator/cache/a/b", ONE);
                Features.equal("create /curator/cache/a/b", taken(seen, "create"), "create");
                other.setData().forPath("/curator/cache/a/b", TWO);
                Features.equal("change /curator/cache/a/b", taken(seen, "change"), "change");
                other.delete().forPath("/curator/cache/a/b");
                Features.equal("delete /curator/cache/a/b", taken(seen, "delete"), "delete");
            }
            LinkedBlockingQueue<TreeCacheEvent.Type> events = new LinkedBlockingQueue<>();
            try (TreeCache cache = new TreeCache(zk, "/curator/cache")) {
                cache.getListenable().addListener((client, event) -> events.add(event.getType()));
                cache.start();
                while (taken(events, "initialized") != TreeCacheEvent.Type.INITIALIZED) {
                    continue;
                }
                other.setData().forPath("/curator/cache/a", TWO);
                Features.equal(TreeCacheEvent.Type.NODE_UPDATED, taken(events, "update"), "update");
                other.delete().forPath("/curator/cache/a");
                Features.equal(TreeCacheEvent.Type.NODE_REMOVED, taken(events, "removal"), "removal");
            }
        }
    }

    private static void persistentNodes() throws Exception {
        try (CuratorFramework zk = open(); CuratorFramework other = open();
                PersistentNode node = new PersistentNode(zk, CreateMode.EPHEMERAL, false, "/curator/kept", ONE)) {
            node.start();
            Features.isTrue(node.waitForInitialCreate(DEADLINE_S, TimeUnit.SECONDS), "created");
            other.delete().forPath("/curator/kept");
            Features.eventually(() -> other.checkExists().forPath("/curator/kept") != null, "made again");
            node.setData(TWO);
            Features.eventually(() -> "two".equals(new String(other.getData().forPath("/curator/kept"))), "new data");
        }
    }
}
