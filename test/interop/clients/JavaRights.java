/*
 * Of the Java client's row: identities, ACLs, the super user, quotas: who may do what, and how much.
 */
import static org.apache.zookeeper.CreateMode.PERSISTENT;
import static org.apache.zookeeper.ZooDefs.Ids.OPEN_ACL_UNSAFE;

import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.StatsTrack;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooDefs.Perms;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.cli.DelQuotaCommand;
import org.apache.zookeeper.cli.ListQuotaCommand;
import org.apache.zookeeper.cli.SetQuotaCommand;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.auth.DigestAuthenticationProvider;

final class JavaRights extends JavaScript {
    static void acls() throws Exception {
        String id = DigestAuthenticationProvider.generateDigest("ann:secret");
        try (ZooKeeper nobody = open(server); ZooKeeper ann = open(server)) {
            Features.refused(Code.INVALIDACL,
                () -> nobody.create("/java/acl", ONE, Ids.CREATOR_ALL_ACL, PERSISTENT), "auth without an identity");
            ann.addAuthInfo("digest", "ann:secret".getBytes());
            ann.create("/java/acl", ONE, Ids.CREATOR_ALL_ACL, PERSISTENT);
            Stat stat = new Stat();
            Features.equal(acl(new ACL(Perms.ALL, new Id("digest", id))), ann.getACL("/java/acl", stat), "auth expanded");
            Features.refused(Code.NOAUTH, () -> nobody.getData("/java/acl", false, null), "read");
            Features.refused(Code.NOAUTH, () -> nobody.setData("/java/acl", TWO, -1), "write");
            Features.refused(Code.NOAUTH, () -> make(nobody, "/java/acl/x"), "create");
            Features.refused(Code.NOAUTH, () -> nobody.setACL("/java/acl", OPEN_ACL_UNSAFE, -1), "admin");
            make(ann, "/java/acl/x");
            Features.refused(Code.NOAUTH, () -> nobody.delete("/java/acl/x", -1), "delete");

            ann.setACL("/java/acl", acl(
                new ACL(Perms.READ, new Id("ip", "127.0.0.0/8")),
                new ACL(Perms.ALL, new Id("digest", id))), 0);
            Features.equal(1, ann.exists("/java/acl", false).getAversion(), "aversion");
            Features.equal(ONE, nobody.getData("/java/acl", false, null), "read by address");
            Features.refused(Code.NOAUTH, () -> nobody.setData("/java/acl", TWO, -1), "write by address");
            Features.refused(Code.BADVERSION, () -> ann.setACL("/java/acl", OPEN_ACL_UNSAFE, 0), "stale aversion");
            ann.setACL("/java/acl", acl(
                new ACL(Perms.READ, new Id("ip", "10.1.2.3")), new ACL(Perms.ADMIN, new Id("digest", id))), -1);
            Features.refused(Code.NOAUTH, () -> nobody.getData("/java/acl", false, null), "another address");
            Features.refused(Code.INVALIDACL, () -> ann.setACL("/java/acl",
                acl(new ACL(Perms.READ, new Id("ip", "300.1.2.3"))), -1), "bad address");
            Features.refused(Code.INVALIDACL, () -> ann.setACL("/java/acl",
                acl(new ACL(Perms.READ, new Id("nosuch", "x"))), -1), "unknown scheme");
        }
    }

    static void aclMasking() throws Exception {
        try (ZooKeeper ann = open(server); ZooKeeper nobody = open(server)) {
            ann.addAuthInfo("digest", "ann:secret".getBytes());
            String id = DigestAuthenticationProvider.generateDigest("ann:secret");
            List<ACL> list = new ArrayList<>(acl(
                new ACL(Perms.READ, Ids.ANYONE_ID_UNSAFE), new ACL(Perms.ALL, new Id("digest", id))));
            ann.create("/java/masked", ONE, list, PERSISTENT);
            Features.equal(list, ann.getACL("/java/masked", null), "seen with ADMIN");
            list.set(1, new ACL(Perms.ALL, new Id("digest", "ann:x")));
            Features.equal(list, nobody.getACL("/java/masked", null), "seen with READ");
        }
    }

    static void authFailure() throws Exception {
        Ear ear = new Ear();
        ZooKeeper zk = open(server, TIMEOUT_MS, ear);
        zk.addAuthInfo("nosuch", "x".getBytes());
        ear.reaches(KeeperState.AuthFailed);
        Features.refused(Code.AUTHFAILED, () -> zk.exists("/java", false), "use after it");
        zk.close();
    }

    static void superUser() throws Exception {
        try (ZooKeeper ann = open(server); ZooKeeper root = open(server)) {
            ann.addAuthInfo("digest", "ann:secret".getBytes());
            ann.create("/java/locked", ONE, Ids.CREATOR_ALL_ACL, PERSISTENT);
            root.addAuthInfo("digest", "super:admin".getBytes());
            Features.equal(ONE, root.getData("/java/locked", false, null), "read");
            root.setACL("/java/locked", OPEN_ACL_UNSAFE, -1);
            root.delete("/java/locked", -1);
        }
    }

    private static StatsTrack limit(long count, long bytes, long countHard, long bytesHard) {
        StatsTrack track = new StatsTrack();
        track.setCount(count);
        track.setBytes(bytes);
        track.setCountHardLimit(countHard);
        track.setByteHardLimit(bytesHard);
        return track;
    }

    static void quotas() throws Exception {
        try (ZooKeeper zk = open(server)) {
            make(zk, "/java/quota");
            SetQuotaCommand.createQuota(zk, "/java/quota", limit(2, 10, -1, -1));
            make(zk, "/java/quota/a");
            make(zk, "/java/quota/b"); // over the soft limit: only logged
            List<StatsTrack> quota = ListQuotaCommand.listQuota(zk, "/java/quota");
            Features.equal(2L, quota.get(0).getCount(), "soft limit");
            Features.equal(3L, quota.get(1).getCount(), "nodes counted");
            Features.equal(9L, quota.get(1).getBytes(), "bytes counted");
            SetQuotaCommand.createQuota(zk, "/java/quota", limit(-1, -1, 4, 15));
            make(zk, "/java/quota/c");
            Features.refused(Code.QUOTAEXCEEDED, () -> make(zk, "/java/quota/d"), "one node too many");
            Features.refused(Code.QUOTAEXCEEDED,
                () -> zk.setData("/java/quota/a", new byte[20], -1), "too many bytes");
            zk.delete("/java/quota/c", -1);
            zk.setData("/java/quota/a", new byte[9], -1);
            Features.equal(15L, ListQuotaCommand.listQuota(zk, "/java/quota").get(1).getBytes(), "bytes again");
            make(zk, "/java/quota-not"); // a sibling with the same beginning is free
            DelQuotaCommand.delQuota(zk, "/java/quota", null);
            zk.setData("/java/quota/a", new byte[200], -1);
            Features.equal(null, zk.exists("/zookeeper/quota/java", false), "quota nodes gone");
        }
    }

    static void whoAmI() throws Exception {
        try (ZooKeeper zk = open(server)) {
            zk.addAuthInfo("digest", "ann:secret".getBytes());
            List<String> seen = new ArrayList<>();
            for (ClientInfo info : zk.whoAmI()) {
                seen.add(info.getAuthScheme() + ":" + info.getUser());
            }
            Features.equal(new TreeSet<>(List.of("ip:127.0.0.1", "digest:ann")), new TreeSet<>(seen), "identities");
        }
    }

    static void configNode() throws Exception {
        try (ZooKeeper zk = open(server)) {
            Features.equal(new byte[0], zk.getConfig(false, new Stat()), "empty on a standalone server");
            Features.equal(Perms.READ, zk.getACL("/zookeeper/config", null).get(0).getPerms(), "its ACL");
        }
    }
}
