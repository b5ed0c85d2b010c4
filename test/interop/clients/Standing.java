/*
 * Two sessions with nodes, ephemerals, watches of every kind, a quota and three hundred writes: a
 * state that four-letter words have something to say about. Prints READY and stays until its input
 * ends. Argument: port.
 */
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.concurrent.CountDownLatch;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.StatsTrack;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.cli.SetQuotaCommand;

public final class Standing {
    public static void main(String[] args) throws Exception {
        ZooKeeper one = open(args[0]);
        ZooKeeper two = open(args[0]);
        Watcher ear = event -> {};
        one.addAuthInfo("digest", "ann:secret".getBytes());
        one.create("/standing", "data".getBytes(), OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
        for (int i = 0; i < 300; i++) {
            one.setData("/standing", ("data " + i).getBytes(), -1);
        }
        one.create("/standing/one", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        one.create("/standing/too", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        two.create("/standing/two", null, OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL);
        one.getData("/standing", ear, null);
        one.getChildren("/standing", ear);
        two.getData("/standing", ear, null);
        two.exists("/not-there", ear);
        two.addWatch("/standing", ear, AddWatchMode.PERSISTENT_RECURSIVE);
        StatsTrack limit = new StatsTrack();
        limit.setCount(100);
        SetQuotaCommand.createQuota(one, "/standing", limit);
        System.out.println("READY");
        while (System.in.read() >= 0) {
            continue;
        }
        Runtime.getRuntime().halt(0);
    }

    private static ZooKeeper open(String port) throws Exception {
        CountDownLatch connected = new CountDownLatch(1);
        ZooKeeper zk = new ZooKeeper("127.0.0.1:" + port, 30_000, event -> {
            if (event.getState() == KeeperState.SyncConnected) {
                connected.countDown();
            }
        });
        connected.await();
        return zk;
    }
}
