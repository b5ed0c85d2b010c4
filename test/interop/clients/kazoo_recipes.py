"""Of kazoo's row: the recipes, each with several clients where it is about being several."""

from datetime import timedelta
import queue
import time

from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo_script import DEADLINE, connect, equal, feature, threaded


@feature("recipe-lock")
def recipe_lock():
    held = []

    def contend(name):
        with connect() as zk:
            lock = zk.Lock("/kazoo/lock", name)
            for _ in range(3):
                with lock:
                    held.append(name)
                    equal(1, held.count(name), "others inside")
                    equal([name], held, "alone inside")
                    held.remove(name)

    threaded(*[lambda name=name: contend(name) for name in ("a", "b", "c")])
    with connect() as one, connect() as two:
        readers = [one.ReadLock("/kazoo/rw-lock", "1"), two.ReadLock("/kazoo/rw-lock", "2")]
        for reader in readers:
            assert reader.acquire(timeout=DEADLINE)
        writer = one.WriteLock("/kazoo/rw-lock", "3")
        equal(False, writer.acquire(blocking=False), "a writer beside readers")
        for reader in readers:
            reader.release()
        assert writer.acquire(timeout=DEADLINE)
        writer.release()
        semaphores = [one.Semaphore("/kazoo/sem", "1", 2), two.Semaphore("/kazoo/sem", "2", 2)]
        for semaphore in semaphores:
            assert semaphore.acquire(timeout=DEADLINE)
        equal(False, one.Semaphore("/kazoo/sem", "3", 2).acquire(blocking=False), "a third lease")
        equal(["1", "2"], sorted(semaphores[0].lease_holders()), "holders")


@feature("recipe-election")
def recipe_election():
    led = []
    with connect() as one, connect() as two:
        elections = [zk.Election("/kazoo/elect", name) for zk, name in ((one, "1"), (two, "2"))]
        threaded(*[lambda e=e: e.run(lambda: led.append(e.contenders()[0])) for e in elections])
        equal(["1", "2"], sorted(led), "both led, one after the other")


@feature("recipe-queue")
def recipe_queue():
    with connect() as zk, connect() as other:
        plain = zk.Queue("/kazoo/queue")
        for value in (b"one", b"two"):
            plain.put(value)
        plain.put(b"first", priority=10)
        equal([b"first", b"one", b"two", None], [plain.get() for _ in range(4)], "in order")
        locking = zk.LockingQueue("/kazoo/locking-queue")
        locking.put_all([b"a", b"b"])
        equal(b"a", locking.get(timeout=DEADLINE), "held")
        mate = other.LockingQueue("/kazoo/locking-queue")
        equal(b"b", mate.get(timeout=DEADLINE), "the next one for somebody else")
        assert locking.consume() and mate.consume()
        equal(0, len(locking), "all consumed")


@feature("recipe-counter")
def recipe_counter():
    def count():
        with connect() as zk:
            counter = zk.Counter("/kazoo/counter")
            for _ in range(10):
                counter += 1

    threaded(count, count, count)
    with connect() as zk:
        equal(30, zk.Counter("/kazoo/counter").value, "sum")


@feature("recipe-barrier")
def recipe_barrier():
    with connect() as zk, connect() as other:
        barrier = zk.Barrier("/kazoo/barrier")
        barrier.create()
        equal(False, other.Barrier("/kazoo/barrier").wait(0.05), "closed")
        passed = []
        threaded(
            lambda: passed.append(other.Barrier("/kazoo/barrier").wait(DEADLINE)),
            lambda: barrier.remove(),
        )
        equal([True], passed, "open")
        inside = []

        def both(client, name):
            double = client.DoubleBarrier("/kazoo/double", 2, name)
            double.enter()
            inside.append(name)
            double.leave()

        threaded(lambda: both(zk, "1"), lambda: both(other, "2"))
        equal(["1", "2"], sorted(inside), "both went through")


@feature("recipe-group")
def recipe_group():
    with connect() as zk, connect() as other:
        party = zk.Party("/kazoo/party", "ann")
        party.join()
        other.Party("/kazoo/party", "bob").join()
        equal(["ann", "bob"], sorted(party), "members")
        party.leave()
        equal(["bob"], list(other.Party("/kazoo/party")), "after one left")
        shares = {}

        def partition(client, name):
            """Follows the states of the recipe until both hold one item each."""
            mine = client.SetPartitioner(
                "/kazoo/share", ("x", "y"), identifier=name, max_reaction_time=0.2, time_boundary=0.2
            )
            while len(shares) < 2:
                assert not mine.failed, "partitioner failed"
                if mine.release:
                    shares.pop(name, None)
                    mine.release_set()
                elif mine.acquired and len(list(mine)) == 1:
                    shares[name] = list(mine)[0]
                    time.sleep(0.02)
                else:
                    mine.wait_for_acquire(1)
                    time.sleep(0.02)

        threaded(lambda: partition(zk, "1"), lambda: partition(other, "2"))
        equal(["x", "y"], sorted(shares.values()), "shares")


@feature("recipe-cache")
def recipe_cache():
    with connect() as zk, connect() as other:
        other.ensure_path("/kazoo/cache/a/b")
        cache = TreeCache(zk, "/kazoo/cache")
        events = queue.Queue()
        cache.listen(events.put)
        cache.start()
        while events.get(timeout=DEADLINE).event_type != TreeEvent.INITIALIZED:
            pass
        equal({"b"}, set(cache.get_children("/kazoo/cache/a")), "loaded")
        other.set("/kazoo/cache/a/b", b"news")
        event = events.get(timeout=DEADLINE)
        equal((TreeEvent.NODE_UPDATED, b"news"), (event.event_type, event.event_data.data), "update")
        other.create("/kazoo/cache/a/c")
        equal(TreeEvent.NODE_ADDED, events.get(timeout=DEADLINE).event_type, "added")
        other.delete("/kazoo/cache/a/c")
        equal(TreeEvent.NODE_REMOVED, events.get(timeout=DEADLINE).event_type, "removed")
        cache.close()


@feature("recipe-lease")
def recipe_lease():
    with connect() as zk:
        assert zk.NonBlockingLease("/kazoo/lease", timedelta(hours=1), "ann")
        assert zk.NonBlockingLease("/kazoo/lease", timedelta(hours=1), "ann"), "renewed"
        assert not zk.NonBlockingLease("/kazoo/lease", timedelta(hours=1), "bob"), "taken"
