/*
 * What the Java programs of this folder share: a feature is a named piece of work that prints
 * `PASS name` or `FAIL name why`, and the process ends with 1 if any failed. A feature that hangs
 * fails by its own deadline, so that the others are still reported.
 */
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.net.Socket;
import java.util.Arrays;
import java.util.Objects;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.zookeeper.KeeperException;

final class Features {
    interface Body {
        void run() throws Exception;
    }

    interface Look {
        boolean isTrue() throws Exception;
    }

    private static final long FEATURE_DEADLINE_S = 60;
    private static int failures = 0;

    private Features() {}

    static void feature(String name, Body body) {
        ExecutorService thread = Executors.newSingleThreadExecutor(r -> {
            Thread daemon = new Thread(r, name);
            daemon.setDaemon(true);
            return daemon;
        });
        Future<?> done = thread.submit(() -> {
            body.run();
            return null;
        });
        try {
            done.get(FEATURE_DEADLINE_S, TimeUnit.SECONDS);
            System.out.println("PASS " + name);
        } catch (TimeoutException e) {
            failures++;
            System.out.println("FAIL " + name + " no end within " + FEATURE_DEADLINE_S + " s");
        } catch (Exception e) {
            failures++;
            Throwable cause = e.getCause() == null ? e : e.getCause();
            System.out.println("FAIL " + name + " " + cause.toString().replace('\n', ' '));
            cause.printStackTrace(System.out);
        }
        thread.shutdownNow();
    }

    /** Ends the process: clients leave threads behind that are of no interest any more. */
    static void finish() {
        System.out.flush();
        Runtime.getRuntime().halt(failures == 0 ? 0 : 1);
    }

    static void equal(Object expected, Object actual, String what) {
        boolean same = expected instanceof byte[] && actual instanceof byte[]
            ? Arrays.equals((byte[]) expected, (byte[]) actual)
            : Objects.equals(expected, actual);
        if (!same) {
            throw new AssertionError(what + ": expected " + show(expected) + ", got " + show(actual));
        }
    }

    static void isTrue(boolean condition, String what) {
        if (!condition) {
            throw new AssertionError(what);
        }
    }

    /** The body must be refused with this code. */
    static void refused(KeeperException.Code code, Body body, String what) throws Exception {
        try {
            body.run();
        } catch (KeeperException e) {
            equal(code, e.code(), what);
            return;
        }
        throw new AssertionError(what + ": expected " + code + ", but it was done");
    }

    /** For states that no event announces: looks again until it is so. */
    static void eventually(Look look, String what) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!look.isTrue()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("never came true: " + what);
            }
            Thread.sleep(20);
        }
    }

    /** Orders an accident from the test's TCP proxy: cut, pause or resume. */
    static void proxy(int controlPort, String command) throws Exception {
        try (Socket socket = new Socket("127.0.0.1", controlPort)) {
            new PrintWriter(socket.getOutputStream(), true).println(command);
            String answer = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
            equal("ok", answer, "proxy " + command);
        }
    }

    private static String show(Object value) {
        return value instanceof byte[] ? new String((byte[]) value) : String.valueOf(value);
    }
}
