"""What the two parts of kazoo's row share: started clients, checks, the proxy, the list of features."""

import logging
import queue
import socket
import sys
import threading
import time
import traceback

from kazoo.client import KazooClient

logging.disable(logging.CRITICAL)

SERVER = "127.0.0.1:" + sys.argv[1]
PROXIED = "127.0.0.1:" + sys.argv[2]
CONTROL = int(sys.argv[3])
DEADLINE = 30
features = []


def feature(name):
    def register(body):
        features.append((name, body))
        return body

    return register


class connect:
    """A started client as a context; `events` holds what its listener was told."""

    def __init__(self, hosts=SERVER, timeout=10.0, **options):
        self.client = KazooClient(hosts=hosts, timeout=timeout, **options)
        self.client.events = queue.Queue()
        self.client.add_listener(self.client.events.put)

    def __enter__(self):
        self.client.start(DEADLINE)
        return self.client

    def __exit__(self, *_):
        self.client.stop()
        self.client.close()


def reaches(client, wanted):
    while True:
        state = client.events.get(timeout=DEADLINE)
        if state == wanted:
            return


def proxy(command):
    with socket.create_connection(("127.0.0.1", CONTROL), timeout=DEADLINE) as control:
        control.sendall(command.encode() + b"\n")
        assert control.recv(64) == b"ok\n", command


def equal(expected, actual, what):
    assert expected == actual, "%s: expected %r, got %r" % (what, expected, actual)


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error:
        return
    raise AssertionError("expected %s, but it was done" % error.__name__)


def eventually(look, what):
    end = time.monotonic() + DEADLINE
    while not look():
        assert time.monotonic() < end, "never came true: " + what
        time.sleep(0.02)


def hears(ear, kind, path):
    event = ear.get(timeout=DEADLINE)
    equal((kind, path), (event.type, event.path), "watch event")


def threaded(*bodies):
    """Runs the bodies side by side and passes on the first failure."""
    failures = []

    def guarded(body):
        try:
            body()
        except Exception as error:  # shown by the caller
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(body,), daemon=True) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
        assert not thread.is_alive(), "a thread hangs"
    if failures:
        raise failures[0]


def attempt(name, body):
    """Runs one feature in a thread of its own: one that hangs must not hide the others."""
    outcome = ["FAIL %s no end within %d s" % (name, 2 * DEADLINE)]

    def guarded():
        try:
            body()
            outcome[0] = "PASS " + name
        except Exception as error:
            outcome[0] = "FAIL %s %s %s" % (name, type(error).__name__, error)
            traceback.print_exc(file=sys.stdout)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(2 * DEADLINE)
    print(outcome[0], flush=True)
    return outcome[0].startswith("PASS")
