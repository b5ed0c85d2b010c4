/*
 * Of Curator's row: the recipes, each with at least two clients where it is about being several.
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
import org.apache.curator.framework.recipes.queue.DistributedQueue;
import org.apache.curator.framework.recipes.queue.QueueBuilder;
import org.apache.curator.framework.recipes.queue.QueueConsumer;
import org.apache.curator.framework.recipes.queue.QueueSerializer;
import org.apache.curator.framework.recipes.queue.SimpleDistributedQueue;
import org.apache.curator.framework.recipes.shared.SharedCount;
import org.apache.curator.framework.state.ConnectionState;
import org.apache.curator.retry.RetryOneTime;
import org.apache.zookeeper.CreateMode;

final class CuratorRecipes extends CuratorScript {
    static void locks() throws Exception {
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

    static void elections() throws Exception {
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

    static void queues() throws Exception {
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

    static void counters() throws Exception {
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

    static void barriers() throws Exception {
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

    static void groups() throws Exception {
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

    static void caches() throws Exception {
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

    static void persistentNodes() throws Exception {
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
