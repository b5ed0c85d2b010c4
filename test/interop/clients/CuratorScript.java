/*
 * What the two parts of Curator's row share: clients, test data, and where the server, the proxy and
 * its control port are.
 */
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.curator.framework.CuratorFramework;
import org.apache.curator.framework.CuratorFrameworkFactory;
import org.apache.curator.retry.RetryOneTime;

abstract class CuratorScript {
    static final byte[] ONE = "one".getBytes();
    static final byte[] TWO = "two".getBytes();
    static final int DEADLINE_S = 30;
    static String server;
    static String proxied;
    static int control;

    static CuratorFramework open(String address) {
        CuratorFramework client = CuratorFrameworkFactory.builder()
            .connectString(address)
            .sessionTimeoutMs(10_000)
            .connectionTimeoutMs(10_000)
            .retryPolicy(new RetryOneTime(100))
            .build();
        client.start();
        return client;
    }

    static CuratorFramework open() {
        return open(server);
    }

    static <T> T taken(LinkedBlockingQueue<T> queue, String what) throws Exception {
        T next = queue.poll(DEADLINE_S, TimeUnit.SECONDS);
        Features.isTrue(next != null, "never came: " + what);
        return next;
    }
}
