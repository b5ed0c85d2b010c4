// Where this server answers a client differently from Java ZooKeeper 3.8.0, on purpose: the one
// table of it. The differential test reads it (an answer that differs must fit exactly one row),
// docs/DIFFERENCES.md shows it.
//
// Everything not named here is the same, byte for byte but for times and session ids.

export interface Difference {
  readonly id: string;
  /** What Java 3.8.0 does. */
  readonly java: string;
  /** What this server does. */
  readonly quoll: string;
  /** The reason, or where newer Java does the same. */
  readonly why: string;
  /**
   * 'beside Java': met in every full run of the differential test. 'patched': the Java that run uses,
   * Debian's 3.8.0, carries the newer behaviour as a security patch. 'alone': the request would damage
   * a Java server, so only this server is asked. 'ensemble': of servers that have changing roles.
   */
  readonly tested: 'beside Java' | 'patched' | 'alone' | 'ensemble';
}

export const differences = [
  {
    id: 'event-zxid',
    java: 'Every watch event carries the zxid −1.',
    quoll: 'It carries the zxid of the transaction that fired it; −1 only if setWatches found it.',
    why: 'As Java since 3.9 (ZOOKEEPER-4655).',
    tested: 'beside Java',
  },
  {
    id: 'event-acl',
    java: 'A watch fires for a connection that may not read the node.',
    quoll:
      'It is used up without an event. For children the list of the parent decides, for a ' +
      'deleted node the one it had.',
    why: 'As Java since 3.8.4 and 3.9.2 (CVE-2024-23944).',
    tested: 'patched',
  },
  {
    id: 'set-watches-acl',
    java: 'setWatches tells of changes of nodes that the connection may not read.',
    quoll: 'It does not; nothing is registered either.',
    why: 'The filter of event-acl would else be walked around by a reconnect; Java still does.',
    tested: 'beside Java',
  },
  {
    id: 'exists-read',
    java: 'exists answers with the stat of a node that the connection may not read.',
    quoll: 'NoAuth, and no watch is left.',
    why: 'As Java since 3.8.4 and 3.9.2 (ZOOKEEPER-2590).',
    tested: 'beside Java',
  },
  {
    id: 'watch-modes',
    java:
      'A path has one mode for each connection and table: a getData with a watch turns a ' +
      'persistent watch into a standard one.',
    quoll: 'Standard, persistent and recursive watches of one path live beside each other.',
    why: 'As Java since 3.9 (ZOOKEEPER-4466, ZOOKEEPER-4475).',
    tested: 'beside Java',
  },
  {
    id: 'watch-types',
    java:
      'removeWatches and checkWatches take Data and Children for every mode in that table, ' +
      'and do not know Persistent and PersistentRecursive (MarshallingError).',
    quoll: 'Each type means exactly its mode; Any means all.',
    why: 'As Java since 3.9 (ZOOKEEPER-4471, ZOOKEEPER-4472).',
    tested: 'beside Java',
  },
  {
    id: 'check-watches-of-others',
    java: 'checkWatches says yes if any connection watches the path.',
    quoll: "It speaks of the connection's own watches.",
    why: 'As Java since 3.9 (ZOOKEEPER-4466).',
    tested: 'beside Java',
  },
  {
    id: 'check-watches-path',
    java:
      "checkWatches of a path that does not begin with '/' is a MarshallingError, of an " +
      'empty one NoWatcher.',
    quoll: 'It says whether there is a watch: exists and addWatch take such paths.',
    why: 'As Java since 3.9 (ZOOKEEPER-4466).',
    tested: 'beside Java',
  },
  {
    id: 'multi-create2',
    java: 'In a multi, create2 is answered like create, with the path alone.',
    quoll: 'It is answered with path and stat.',
    why: 'As Java since 3.9 (ZOOKEEPER-4026).',
    tested: 'beside Java',
  },
  {
    id: 'multi-flags',
    java:
      'A create with flags that are none fails inside the multi, with BadArguments in its ' +
      'place among the results.',
    quoll: 'The whole request is a MarshallingError. So is a TTL flag in an op without a ttl.',
    why: 'As Java since 3.9 (ZOOKEEPER-4026).',
    tested: 'beside Java',
  },
  {
    id: 'multi-read-body',
    java:
      'A multiRead that holds a write is answered with MarshallingError and the results so ' +
      'far.',
    quoll: 'MarshallingError, as every other error without a body.',
    why: 'No client reads a body behind an error.',
    tested: 'beside Java',
  },
  {
    id: 'null-acl-id',
    java: 'A null id in an entry of an ACL list is a MarshallingError.',
    quoll: 'It reads as an empty id: InvalidACL where no scheme has such an id.',
    why: 'There a NullPointerException is caught.',
    tested: 'beside Java',
  },
  {
    id: 'negative-count',
    java: 'A vector with a count below −1 is an empty list.',
    quoll: 'MarshallingError.',
    why: 'No client writes it; a length that makes no sense is refused everywhere.',
    tested: 'beside Java',
  },
  {
    id: 'supplementary-characters',
    java:
      'A character beyond U+FFFF is sent as two surrogates of three bytes each, which is no ' +
      'UTF-8.',
    quoll: 'As the four bytes of UTF-8.',
    why:
      'No reader, Java’s among them, can decode the other form. Only ids of ACLs and paths ' +
      'that name no node can hold one.',
    tested: 'beside Java',
  },
  {
    id: 'malformed-utf8',
    java: 'In a string that is no UTF-8 an encoded surrogate becomes one U+FFFD.',
    quoll: 'It becomes three, one for each byte, as the Encoding Standard has it.',
    why: 'No path may hold U+FFFD: such a string names no node either way.',
    tested: 'beside Java',
  },
  {
    id: 'ipv6-acl',
    java: 'An IPv6 address is no valid id of the scheme ip.',
    quoll: 'It is, with or without a prefix length.',
    why: 'As Java since 3.9.4 (ZOOKEEPER-4240).',
    tested: 'beside Java',
  },
  {
    id: 'ping-order',
    java: 'A ping is answered behind the requests sent before it.',
    quoll: 'It is answered at once, with the zxid reached so far.',
    why:
      'A slow disk must not cost living clients their sessions; clients know pings by their ' +
      'xid.',
    tested: 'beside Java',
  },
  {
    id: 'multi-null-path',
    java:
      'A null path in a multi: MarshallingError with the body of an empty result, and a zxid ' +
      'is skipped.',
    quoll: 'MarshallingError and an error transaction, as for every multi that cannot be read.',
    why: 'There a NullPointerException is caught too early.',
    tested: 'alone',
  },
  {
    id: 'wrong-password',
    java:
      'A connect request with a wrong password ends the connection of the session it names, ' +
      'then is refused.',
    quoll: 'It is refused; the connection of the session is not touched.',
    why: 'Whoever knows a session id could cut off its client.',
    tested: 'beside Java',
  },
  {
    id: 'list-order',
    java:
      'Children, ephemerals, the ids of a connection, and what the end of a session deletes ' +
      'come in the order of hash sets.',
    quoll: 'In the order in which they came to be.',
    why: 'No order is promised, and the iteration order of a Java HashSet is not worth rebuilding.',
    tested: 'beside Java',
  },
  {
    id: 'multi-container-flags',
    java:
      'createContainer in a multi makes the kind of node that its flags say, an ephemeral ' +
      'even.',
    quoll: 'A container, as outside a multi.',
    why: 'As Java since 3.9 (ZOOKEEPER-4026).',
    tested: 'alone',
  },
  {
    id: 'create-ttl-flags',
    java:
      'createTTL with flags that are no TTL node’s and a negative ttl is logged, and no ' +
      'server can apply it.',
    quoll: 'BadArguments.',
    why: 'A request must never become a transaction that cannot be read back.',
    tested: 'alone',
  },
  {
    id: 'check-at-top',
    java: 'check outside a multi is logged and gets no reply; the log can then not be replayed.',
    quoll: 'Unimplemented, and the connection ends, as for an unknown op code.',
    why: 'As Java since 3.8.5 and 3.9.3 (ZOOKEEPER-2623).',
    tested: 'alone',
  },
  {
    id: 'too-many-identities',
    java: 'A connection may add identities with auth packets without end.',
    quoll: 'The 1,025th is AuthFailed, and the connection ends.',
    why: 'Each one makes every ACL check of the connection longer; no client needs so many.',
    tested: 'alone',
  },
  {
    id: 'create-session-request',
    java:
      'A client may send createSession (−10) on an open connection: a second connect ' +
      'response follows.',
    quoll: 'Unimplemented, and the connection ends.',
    why: 'It is no request but the name of a transaction.',
    tested: 'alone',
  },
  {
    id: 'sasl-without-login',
    java:
      'A SASL token is answered with Ok and a null token when the server has no login of its ' +
      'own.',
    quoll: 'AuthFailed, and the connection ends.',
    why: 'A client that asks for SASL must not believe that it is authenticated.',
    tested: 'alone',
  },
  {
    id: 'transaction-too-long',
    java:
      'A request whose transaction is longer than jute.maxbuffer with its extra size is ' +
      'logged; the log cannot be read back.',
    quoll: 'MarshallingError; inside a multi, of the operation that is too much.',
    why: 'A request must never become a transaction that cannot be read back.',
    tested: 'alone',
  },
  {
    id: 'quota-text',
    java:
      'Statistics of a quota whose text is none stop the server when a node below the quota ' +
      'changes.',
    quoll: 'They read as none yet, and limits so as no limits.',
    why: 'One client’s mistake must not end the service.',
    tested: 'alone',
  },
  {
    id: 'version-wrap',
    java: 'The version after −2 is −1, which every request takes for "any".',
    quoll: 'It is 0.',
    why: 'As Java since 3.10 (ZOOKEEPER-4743).',
    tested: 'alone',
  },
  {
    id: 'multi-read-too-long',
    java:
      'A multiRead may ask for any number of large nodes; the server builds the answer until ' +
      'its memory ends.',
    quoll: 'MarshallingError beyond 64 MiB, which no client takes.',
    why: 'One client’s request must not end the service.',
    tested: 'alone',
  },
  {
    id: 'connect-between-roles',
    java: 'While a server has no role, a connection is closed as soon as it sends its connect request.',
    quoll: 'The request waits up to 400 ms for the next role.',
    why: 'An election is over sooner than a client has tried the other servers and come back.',
    tested: 'ensemble',
  },
  {
    id: 'read-only-session',
    java:
      'A read-only server without local sessions answers a request for a new session with the ' +
      'header of a reply, NotReadOnly.',
    quoll: 'The connection is closed.',
    why: 'No client can read a header in place of a connect response.',
    tested: 'ensemble',
  },
  {
    id: 'read-only-stranger',
    java:
      'A read-only server with local sessions calls a session gone that it does not know; ' +
      'without local sessions it takes any whose password is right.',
    quoll:
      'Only a local session of its own is called gone; of another the connection is closed, as ' +
      'of one that it knows.',
    why: 'It may be alive on the other side of a partition.',
    tested: 'ensemble',
  },
  {
    id: 'two-reopen-one',
    java:
      'Of two connections to one follower that reopen the same session before the leader has ' +
      'answered, only one ever hears of it.',
    quoll: 'Both do, and the later one keeps the session.',
    why: 'The other would wait until its time is up.',
    tested: 'ensemble',
  },
] as const satisfies readonly Difference[];

export type DifferenceId = (typeof differences)[number]['id'];
