"""kazoo's row of the table: every feature the Debian kazoo has, against a live server.

Here what the client itself does; kazoo_recipes holds the recipes. Arguments: server port,
proxy port, proxy control port. Works under /kazoo and leaves it there.

Prints `PASS feature` or `FAIL feature why` and ends with 1 if any failed. The server must know the
super user super:admin, enforce quotas, and allow session timeouts from 1 s.
"""

import os
import queue
import socket
import sys

from kazoo.client import KazooState
from kazoo.exceptions import (
    AuthFailedError,
    BadVersionError,
    ConnectionLoss,
    InvalidACLError,
    NoAuthError,
    NoChildrenForEphemeralsError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.states import EventType
from kazoo.security import ACL, CREATOR_ALL_ACL, Id, Permissions, make_acl, make_digest_acl
from kazoo_script import (
    DEADLINE,
    SERVER,
    PROXIED,
    attempt,
    connect,
    equal,
    eventually,
    feature,
    features,
    hears,
    proxy,
    reaches,
    refused,
)

import kazoo_recipes  # noqa: F401 registers its features by being imported


@feature("session")
def session():
    # kazoo keeps the timeout it was given to itself; `cons` shows it.
    for asked, granted in ((0.01, 1000), (10.0, 10000), (100000, 600000)):
        with connect(timeout=asked) as zk:
            equal(16, len(zk.client_id[1]), "length of the password")
            mine = [line for line in zk.command(b"cons").splitlines()
                    if "sid=0x%x," % zk.client_id[0] in line]
            equal(1, len(mine), "lines of cons with this session")
            assert ",to=%d," % granted in mine[0], mine[0]


@feature("read-write")
def read_write():
    with connect() as zk:
        equal("/kazoo/rw", zk.create("/kazoo/rw", b"one"), "path")
        data, stat = zk.get("/kazoo/rw")
        equal((b"one", 0, 3), (data, stat.version, stat.data_length), "first read")
        equal(1, zk.set("/kazoo/rw", b"two", version=0).version, "second version")
        refused(BadVersionError, zk.set, "/kazoo/rw", b"x", version=0)
        path, created = zk.create("/kazoo/rw/a", b"", include_data=True)
        equal(("/kazoo/rw/a", created), (path, zk.exists(path)), "create2")
        zk.ensure_path("/kazoo/rw/b/c/d")
        children, parent = zk.get_children("/kazoo/rw", include_data=True)
        equal((["a", "b"], 2, 2), (sorted(children), parent.numChildren, parent.cversion), "children")
        refused(NotEmptyError, zk.delete, "/kazoo/rw")
        refused(NodeExistsError, zk.create, "/kazoo/rw")
        refused(NoNodeError, zk.create, "/kazoo/none/x")
        refused(NoNodeError, zk.get, "/kazoo/none")
        refused(BadVersionError, zk.delete, "/kazoo/rw/a", version=5)
        equal(None, zk.exists("/kazoo/none"), "exists of nothing")
        zk.create("/kazoo/rw/made/on/the/way", b"x", makepath=True)
        zk.delete("/kazoo/rw", recursive=True)
        equal(None, zk.exists("/kazoo/rw"), "gone")


@feature("node-kinds")
def node_kinds():
    with connect() as zk:
        zk.create("/kazoo/eph", b"", ephemeral=True)
        equal(zk.client_id[0], zk.exists("/kazoo/eph").ephemeralOwner, "owner")
        refused(NoChildrenForEphemeralsError, zk.create, "/kazoo/eph/x")
        equal(0, zk.exists("/kazoo").ephemeralOwner, "owner of a persistent node")


@feature("sequences")
def sequences():
    with connect() as zk:
        zk.create("/kazoo/seq")
        equal("/kazoo/seq/n-0000000000", zk.create("/kazoo/seq/n-", sequence=True), "first")
        zk.create("/kazoo/seq/plain")
        equal(
            "/kazoo/seq/n-0000000002",
            zk.create("/kazoo/seq/n-", sequence=True, ephemeral=True),
            "plain creates count",
        )
        zk.delete("/kazoo/seq/plain")
        equal("/kazoo/seq/0000000003", zk.create("/kazoo/seq/", sequence=True), "deletes do not")


@feature("watches")
def watches():
    with connect() as zk, connect() as other:
        ear = queue.Queue()
        zk.exists("/kazoo/w", watch=ear.put)
        other.create("/kazoo/w")
        hears(ear, EventType.CREATED, "/kazoo/w")
        zk.get("/kazoo/w", watch=ear.put)
        other.set("/kazoo/w", b"x")
        hears(ear, EventType.CHANGED, "/kazoo/w")
        other.set("/kazoo/w", b"y")
        zk.get_children("/kazoo/w", watch=ear.put)
        other.create("/kazoo/w/c")
        hears(ear, EventType.CHILD, "/kazoo/w")
        other.delete("/kazoo/w/c")
        zk.exists("/kazoo/w", watch=ear.put)
        other.delete("/kazoo/w")
        hears(ear, EventType.DELETED, "/kazoo/w")
        zk.sync("/kazoo")
        assert ear.empty(), "unexpected: %r" % ear.queue

        seen = queue.Queue()
        children = queue.Queue()
        zk.create("/kazoo/dw", b"0")
        zk.DataWatch("/kazoo/dw", lambda data, stat: seen.put(data))
        zk.ChildrenWatch("/kazoo/dw", lambda names: children.put(names))
        for expected in (b"0", b"1", b"2"):
            equal(expected, seen.get(timeout=DEADLINE), "DataWatch")
            if expected != b"2":
                other.set("/kazoo/dw", str(int(expected) + 1).encode())
        equal([], children.get(timeout=DEADLINE), "ChildrenWatch")
        other.create("/kazoo/dw/c")
        equal(["c"], children.get(timeout=DEADLINE), "ChildrenWatch again")


@feature("watches-over-reconnect")
def watches_over_reconnect():
    # kazoo sends no setWatches: its DataWatch reads again after a reconnect.
    with connect(PROXIED) as zk, connect() as other:
        seen = queue.Queue()
        other.create("/kazoo/again", b"0")
        zk.DataWatch("/kazoo/again", lambda data, stat: seen.put(data))
        equal(b"0", seen.get(timeout=DEADLINE), "first")
        proxy("pause")
        other.set("/kazoo/again", b"missed")
        proxy("resume")
        equal(b"missed", seen.get(timeout=DEADLINE), "caught up")
        other.set("/kazoo/again", b"live")
        equal(b"live", seen.get(timeout=DEADLINE), "watching again")


@feature("ephemerals")
def ephemerals():
    with connect() as other:
        ear = queue.Queue()
        with connect() as zk:
            zk.create("/kazoo/mine", ephemeral=True)
            other.exists("/kazoo/mine", watch=ear.put)
        hears(ear, EventType.DELETED, "/kazoo/mine")


@feature("ephemerals-over-reconnect")
def ephemerals_over_reconnect():
    with connect(PROXIED) as zk, connect() as other:
        identity = zk.client_id
        zk.create("/kazoo/stays", ephemeral=True)
        reaches(zk, KazooState.CONNECTED)
        for accident in (
            lambda: proxy("cut"),
            lambda: zk._connection._socket.shutdown(socket.SHUT_RDWR),
        ):
            accident()
            reaches(zk, KazooState.SUSPENDED)
            reaches(zk, KazooState.CONNECTED)
            equal(identity, zk.client_id, "same session")
            equal(identity[0], other.exists("/kazoo/stays").ephemeralOwner, "owner after it")


@feature("session-reopened")
def session_reopened():
    with connect(PROXIED) as first:
        first.create("/kazoo/moved", ephemeral=True)
        identity = first.client_id
        proxy("pause")  # or the first handle would fight for its session
        with connect(client_id=identity) as second:
            equal(identity, second.client_id, "same session")
            second.set("/kazoo/moved", b"x")
        proxy("resume")
        reaches(first, KazooState.LOST)
        eventually(lambda: first.connected, "a new session")
        assert first.client_id[0] != identity[0], "a closed session came back"
        equal(None, first.exists("/kazoo/moved"), "its ephemeral")
    with connect(client_id=(identity[0], b"\0" * 16)) as zk:
        assert zk.client_id[0] != identity[0], "taken over without the password"


@feature("session-expiry")
def session_expiry():
    with connect() as other, connect(PROXIED, timeout=1.5) as zk:
        identity = zk.client_id
        ear = queue.Queue()
        zk.create("/kazoo/mortal", ephemeral=True)
        other.exists("/kazoo/mortal", watch=ear.put)
        proxy("pause")
        hears(ear, EventType.DELETED, "/kazoo/mortal")
        proxy("resume")
        reaches(zk, KazooState.LOST)
        eventually(lambda: zk.connected, "a new session")
        assert zk.client_id[0] != identity[0], "the session was not expired"


@feature("transactions")
def transactions():
    with connect() as zk:
        zk.create("/kazoo/tx", b"one")
        tx = zk.transaction()
        tx.create("/kazoo/tx/a", b"a")
        tx.create("/kazoo/tx/s-", b"s", sequence=True)
        tx.check("/kazoo/tx", 0)
        tx.set_data("/kazoo/tx", b"two", 0)
        tx.delete("/kazoo/tx/a", 0)
        results = tx.commit()
        equal(["/kazoo/tx/a", "/kazoo/tx/s-0000000001", True], results[:3], "results")
        equal((1, True), (results[3].version, results[4]), "results")
        tx = zk.transaction()
        tx.create("/kazoo/tx/b")
        tx.check("/kazoo/tx", 99)
        tx.delete("/kazoo/tx")
        equal(
            [RolledBackError, BadVersionError, RuntimeInconsistency],
            [type(result) for result in tx.commit()],
            "a failing one",
        )
        equal(["s-0000000001"], zk.get_children("/kazoo/tx"), "rolled back")


@feature("acls")
def acls():
    with connect() as nobody, connect() as ann:
        refused(InvalidACLError, nobody.create, "/kazoo/acl", acl=CREATOR_ALL_ACL)
        ann.add_auth("digest", "ann:secret")
        ann.create("/kazoo/acl", b"x", acl=CREATOR_ALL_ACL)
        mine = make_digest_acl("ann", "secret", all=True)
        equal([mine], ann.get_acls("/kazoo/acl")[0], "auth expanded")
        refused(NoAuthError, nobody.get, "/kazoo/acl")
        refused(NoAuthError, nobody.set, "/kazoo/acl", b"y")
        refused(NoAuthError, nobody.create, "/kazoo/acl/x")
        address = ACL(Permissions.READ, Id("ip", "127.0.0.1"))
        equal(1, ann.set_acls("/kazoo/acl", [address, mine], version=0).aversion, "aversion")
        equal(b"x", nobody.get("/kazoo/acl")[0], "read by address")
        refused(NoAuthError, nobody.set_acls, "/kazoo/acl", [make_acl("world", "anyone", all=True)])
        refused(BadVersionError, ann.set_acls, "/kazoo/acl", [mine], version=0)
    with connect(auth_data=[("digest", "ann:secret")]) as again:
        again.set("/kazoo/acl", b"z")
    with connect(default_acl=[mine], auth_data=[("digest", "ann:secret")]) as zk:
        zk.create("/kazoo/acl-default")
        equal([mine], zk.get_acls("/kazoo/acl-default")[0], "default ACL")


@feature("acl-masking")
def acl_masking():
    with connect() as ann, connect() as nobody:
        everyone = ACL(Permissions.READ, Id("world", "anyone"))
        mine = make_digest_acl("ann", "secret", all=True)
        ann.create("/kazoo/masked", acl=[everyone, mine])
        equal("ann:x", nobody.get_acls("/kazoo/masked")[0][1].id.id, "seen with READ")
        ann.add_auth("digest", "ann:secret")
        equal(mine, ann.get_acls("/kazoo/masked")[0][1], "seen with ADMIN")


@feature("auth-failure")
def auth_failure():
    with connect() as zk:
        refused(AuthFailedError, zk.add_auth, "nosuch", "x")
        reaches(zk, KazooState.LOST)


@feature("super-user")
def super_user():
    with connect() as ann, connect() as root:
        ann.add_auth("digest", "ann:secret")
        ann.create("/kazoo/locked", acl=CREATOR_ALL_ACL)
        root.add_auth("digest", "super:admin")
        root.set("/kazoo/locked", b"x")
        root.delete("/kazoo/locked")


@feature("quotas")
def quotas():
    # kazoo has no quota commands: a quota is two nodes with texts of a known form. Only the count
    # is looked at: a refusal by a hard limit (-125) ends this kazoo's connection thread.
    with connect() as zk:
        zk.create("/kazoo/quota")
        at = "/zookeeper/quota/kazoo/quota"
        zk.ensure_path(at)
        zk.create(at + "/zookeeper_limits", b"count=2,bytes=10")
        zk.create(at + "/zookeeper_stats", b"count=0,bytes=0")
        zk.create("/kazoo/quota/a", b"1234")
        zk.create("/kazoo/quota/b", b"12")
        zk.create("/kazoo/quota-not", b"12")
        stats = zk.get(at + "/zookeeper_stats")[0]
        assert stats.startswith(b"count=3,bytes=6"), stats
        zk.delete("/kazoo/quota/a")
        zk.set("/kazoo/quota/b", b"12345")
        stats = zk.get(at + "/zookeeper_stats")[0]
        assert stats.startswith(b"count=2,bytes=5"), stats
        zk.delete("/zookeeper/quota/kazoo", recursive=True)


@feature("sync")
def sync():
    with connect() as zk:
        equal("/kazoo/anything", zk.sync("/kazoo/anything"), "sync")


@feature("chroot")
def chroot():
    with connect() as zk:
        zk.create("/kazoo/root")
    with connect(SERVER + "/kazoo/root") as zk:
        ear = queue.Queue()
        zk.exists("/x", watch=ear.put)
        equal("/x", zk.create("/x"), "path of create")
        hears(ear, EventType.CREATED, "/x")
        equal(["x"], zk.get_children("/"), "children of the root")


@feature("large-packets")
def large_packets():
    limit = 0xFFFFF
    with connect() as zk:
        most = b"\x07" * (limit - 200)
        zk.create("/kazoo/large", most)
        equal(most, zk.get("/kazoo/large")[0], "read back")
        refused(ConnectionLoss, zk.create, "/kazoo/too-large", b"x" * (limit + 1))
        eventually(lambda: zk.connected, "reconnected")
        equal(None, zk.retry(zk.exists, "/kazoo/too-large"), "not done")


@feature("read-only-flag")
def read_only_flag():
    with connect(read_only=True) as zk:
        equal("CONNECTED", zk.client_state, "a server that writes is no read-only one")
        zk.create("/kazoo/ro")


@feature("four-letter-words")
def four_letter_words():
    with connect() as zk:
        equal("imok", zk.command(b"ruok"), "ruok")
        assert "Mode: standalone" in zk.command(b"srvr"), "srvr"
        # kazoo takes the answer to envi in one read and looks for zookeeper.version in it.
        assert zk.server_version() >= (3, 8), zk.server_version()


@feature("pipelining")
def pipelining():
    with connect() as zk:
        zk.create("/kazoo/pipe")
        made = [zk.create_async("/kazoo/pipe/%d" % i, b"x") for i in range(500)]
        read = [zk.get_async("/kazoo/pipe/%d" % i) for i in range(500)]
        equal(["/kazoo/pipe/%d" % i for i in range(500)], [m.get(timeout=DEADLINE) for m in made], "made")
        equal({b"x"}, {r.get(timeout=DEADLINE)[0] for r in read}, "read")


def main():
    with connect() as zk:
        zk.create("/kazoo")
    failed = [name for name, body in features if not attempt(name, body)]
    sys.stdout.flush()
    os._exit(1 if failed else 0)  # kazoo may leave threads behind after a failure


main()
