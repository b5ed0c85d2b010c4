// Java's names of all metrics (ServerMetrics.java, ZooKeeperServer.registerMetrics), in the order
// in which Java 3.8's `mntr` prints them, and what each is here. In: the server; out: name and
// value, one call each, formatted as Java does.
//
// Every name of a standalone Java server is printed, so that no dashboard loses a line. A name
// without a source below is 0: it counts what this server has not got (elections, TLS, Netty, a
// response cache, queues between threads) or times a step that is measured only as part of a
// latency here (prep), and its `cnt_` of 0 says so.
// Left out on purpose: read_ and write_per_namespace, which grow with the tree and cost every
// request.

import { EventType } from '../proto/opcodes.ts';
import type { Distribution, Summary } from '../util/summary.ts';
import { javaAverage, javaDouble } from './java-text.ts';
import { quotaGauges } from './metrics-quota.ts';
import type { LearnerView } from './role-view.ts';
import { hasPeer } from './role-view.ts';
import type { ServingView } from './server-view.ts';

export type MetricSink = (name: string, value: string) => void;
/** undefined: not of this role. */
type Value = (view: ServingView) => number | undefined;

const never: Value = () => 0;

/** Of a leader only. */
function leading(value: (view: ServingView) => number): Value {
  return (view) => (view.role.state === 'leader' ? value(view) : undefined);
}

function synced(fits: (learner: LearnerView) => boolean): Value {
  return leading(({ role }) => role.learners.filter((one) => one.isSynced && fits(one)).length);
}

const gauges: ReadonlyArray<readonly [string, Value]> = [
  ['ephemerals_count', ({ replica }) => replica.database.tree.ephemeralCount],
  ['num_alive_connections', ({ replica }) => replica.connections.size],
  ['avg_latency', ({ replica }) => replica.stats.latencyAverage],
  ['min_proposal_size', leading(({ role }) => role.proposals.minSize)],
  ['outstanding_requests', ({ replica }) => replica.outstanding],
  ['znode_count', ({ replica }) => nodeCountOf(replica.database.tree)],
  ['global_sessions', ({ replica }) => replica.database.sessions.size],
  ['non_mtls_remote_conn_count', never],
  ['last_client_response_size', ({ replica }) => replica.stats.responseSizeLast],
  ['packets_sent', ({ replica }) => replica.stats.packetsSent],
  ['packets_received', ({ replica }) => replica.stats.packetsReceived],
  ['max_proposal_size', leading(({ role }) => role.proposals.maxSize)],
  ['max_client_response_size', ({ replica }) => replica.stats.responseSizeMax],
  ['synced_followers', synced(({ role }) => role === 'follower')],
  ['connection_drop_probability', never],
  ['watch_count', ({ replica }) => replica.watches.size],
  ['synced_non_voting_followers', synced(({ role, isVoter }) => role === 'follower' && !isVoter)],
  ['synced_observers', synced(({ role }) => role === 'observer')],
  ['auth_failed_count', ({ replica }) => replica.stats.authFailed],
  ['min_latency', ({ replica }) => replica.stats.latencyMin],
  ['max_file_descriptor_count', ({ environment }) => environment.maxFileDescriptors()],
  // Java counts the path of the root.
  ['approximate_data_size', ({ replica }) => replica.database.tree.dataSize + 1],
  ['open_file_descriptor_count', ({ environment }) => environment.openFileDescriptors()],
  ['last_proposal_size', leading(({ role }) => role.proposals.lastSize)],
  ['pending_syncs', leading(({ role }) => role.pendingSyncs)],
  ['leader_uptime', leading(({ role, now }) => now() - (role.leadingSince ?? now()))],
  ['local_sessions', localSessions],
  ['uptime', ({ now, startedAt }) => now() - startedAt],
  ['max_latency', ({ replica }) => replica.stats.latencyMax],
  ['outstanding_tls_handshake', never],
  ['learners', leading(({ role }) => role.learners.length)],
  ['min_client_response_size', ({ replica }) => replica.stats.responseSizeMin],
  ['non_mtls_local_conn_count', never],
  ['quorum_size', ({ role }) => (hasPeer(role) ? role.quorumSize : undefined)],
];
/** These are doubles in Java, all other gauges longs. */
const doubles: ReadonlySet<string> = new Set(['avg_latency', 'connection_drop_probability']);

const counterNames = names(`
  proposal_count watch_bytes outstanding_changes_removed throttled_ops stale_requests_dropped
  large_requests_rejected insecure_admin_count connection_rejected
  cnxn_closed_without_zk_server_running sessionless_connections_expired looking_count
  dead_watchers_queued stale_requests connection_drop_count learner_proposal_received_count
  digest_mismatches_count dead_watchers_cleared response_packet_cache_hits bytes_received_count
  add_dead_watcher_stall_time request_throttle_wait_count
  requests_not_forwarded_to_commit_processor response_packet_cache_misses ensemble_auth_success
  prep_processor_request_queued learner_commit_received_count stale_replies
  connection_request_count response_bytes ensemble_auth_fail diff_count
  response_packet_get_children_cache_misses connection_revalidate_count
  quit_leading_due_to_disloyal_voter snap_count unrecoverable_error_count unsuccessful_handshake
  commit_count stale_sessions_expired response_packet_get_children_cache_hits
  sync_processor_request_queued outstanding_changes_queued request_commit_queued
  ensemble_auth_skip skip_learner_request_to_next_processor_count tls_handshake_exceeded
  revalidate_count`);

const counters: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['watch_bytes', ({ replica }) => replica.stats.watchBytes],
  ['large_requests_rejected', ({ replica }) => replica.stats.largeRequestsRejected],
  ['connection_rejected', ({ replica }) => replica.stats.connectionsRejected],
  // Java counts all connections that fell silent here, those with a session too.
  [
    'sessionless_connections_expired',
    ({ replica }) => replica.stats.closed.get('connection_expired') ?? 0,
  ],
  ['stale_requests', ({ replica }) => replica.stats.staleRequests],
  ['stale_requests_dropped', ({ replica }) => replica.stats.staleRequests],
  ['connection_drop_count', ({ replica }) => replica.stats.connectionsDropped],
  ['digest_mismatches_count', ({ replica }) => replica.database.digestMismatches],
  ['bytes_received_count', ({ replica }) => replica.stats.bytesReceived],
  ['stale_replies', ({ replica }) => replica.stats.staleReplies],
  ['connection_request_count', ({ replica }) => replica.stats.connectRequests],
  ['response_bytes', ({ replica }) => replica.stats.responseBytes],
  ['connection_revalidate_count', ({ replica }) => replica.stats.sessionsReopened],
  ['stale_sessions_expired', ({ replica }) => replica.stats.sessionsExpired],
  ['looking_count', ({ metrics }) => metrics.ensemble.looking],
  ['proposal_count', ({ metrics }) => metrics.ensemble.proposals],
  ['commit_count', ({ metrics }) => metrics.ensemble.commits],
  ['snap_count', ({ metrics }) => metrics.ensemble.snapsSent],
  ['diff_count', ({ metrics }) => metrics.ensemble.diffsSent],
  ['revalidate_count', ({ metrics }) => metrics.ensemble.revalidations],
  ['quit_leading_due_to_disloyal_voter', ({ metrics }) => metrics.ensemble.disloyalVoters],
  ['learner_proposal_received_count', ({ metrics }) => metrics.ensemble.proposalsReceived],
  ['learner_commit_received_count', ({ metrics }) => metrics.ensemble.commitsReceived],
]);

const summaryNames = names(`
  socket_closing_time proposal_process_time leader_unavailable_time node_created_watch_count
  session_queues_drained write_commit_proc_req_queued connection_token_deficit
  read_commit_proc_req_queued node_deleted_watch_count startup_txns_load_time
  sync_processor_queue_size follower_sync_time prep_processor_queue_size fsynctime
  inflight_snap_count reads_issued_from_session_queue learner_request_processor_queue_size
  snapshottime unavailable_time startup_txns_loaded reads_after_write_in_session_queue
  requests_in_session_queue write_commit_proc_issued prep_process_time pending_session_queue_size
  time_waiting_empty_pool_in_commit_processor_read_ms commit_process_time dbinittime
  inflight_diff_count netty_queued_buffer_capacity election_time commit_commit_proc_req_queued
  sync_processor_batch_size node_children_watch_count write_batch_time_in_commit_processor
  read_commit_proc_issued concurrent_request_processing_in_commit_processor observer_sync_time
  node_changed_watch_count sync_process_time startup_snap_load_time`);

/** Those with quantiles. */
const distributionNames = names(`
  prep_processor_queue_time_ms jvm_pause_time_ms close_session_prep_time read_commitproc_time_ms
  updatelatency local_write_committed_time_ms request_throttle_queue_time_ms readlatency
  quorum_ack_latency om_commit_process_time_ms read_final_proc_time_ms commit_propagation_latency
  dead_watchers_cleaner_latency write_final_proc_time_ms proposal_ack_creation_latency
  proposal_latency om_proposal_process_time_ms sync_processor_queue_and_flush_time_ms
  propagation_latency server_write_committed_time_ms sync_processor_queue_time_ms
  sync_processor_queue_flush_time_ms write_commitproc_time_ms`);

type Source<S> = (view: ServingView) => S | undefined;

const summaries: ReadonlyMap<string, Source<Summary | Distribution>> = new Map<
  string,
  Source<Summary | Distribution>
>([
  ['node_created_watch_count', fired(EventType.NodeCreated)],
  ['node_deleted_watch_count', fired(EventType.NodeDeleted)],
  ['node_changed_watch_count', fired(EventType.NodeDataChanged)],
  ['node_children_watch_count', fired(EventType.NodeChildrenChanged)],
  ['startup_txns_load_time', ({ metrics }) => metrics.startupTxnsLoadTime],
  ['startup_txns_loaded', ({ metrics }) => metrics.startupTxnsLoaded],
  ['startup_snap_load_time', ({ metrics }) => metrics.startupSnapLoadTime],
  ['dbinittime', ({ metrics }) => metrics.dbInitTime],
  ['fsynctime', ({ metrics }) => metrics.fsyncTime],
  ['snapshottime', ({ metrics }) => metrics.snapshotTime],
  ['sync_processor_batch_size', ({ metrics }) => metrics.batchSize],
  ['election_time', ({ metrics }) => metrics.ensemble.electionTime],
  ['unavailable_time', ({ metrics }) => metrics.ensemble.unavailableTime],
  ['leader_unavailable_time', ({ metrics }) => metrics.ensemble.leaderUnavailableTime],
  ['follower_sync_time', ({ metrics }) => metrics.ensemble.followerSyncTime],
  ['observer_sync_time', ({ metrics }) => metrics.ensemble.observerSyncTime],
]);

const distributions: ReadonlyMap<string, Source<Distribution>> = new Map<
  string,
  Source<Distribution>
>([
  ['readlatency', ({ replica }) => replica.stats.readLatency],
  ['updatelatency', ({ replica }) => replica.stats.updateLatency],
  // Of a leader: what a quorum has is applied at once.
  [
    'quorum_ack_latency',
    ({ replica, role }) => (role.state === 'leader' ? replica.stats.commitLatency : undefined),
  ],
  // Durable and applied are one moment here.
  ['propagation_latency', ({ replica }) => replica.stats.commitLatency],
  ['sync_processor_queue_and_flush_time_ms', ({ replica }) => replica.stats.commitLatency],
  ['sync_processor_queue_flush_time_ms', ({ metrics }) => metrics.fsyncTime],
]);

/** As Java counts: its tree holds the root under two names. */
export function nodeCountOf(tree: { readonly nodeCount: number }): number {
  return tree.nodeCount + 1;
}

function localSessions({ replica, config }: ServingView): number {
  if (config.ensemble?.localSessions !== true) return 0;
  let count = 0;
  for (const { isLocal } of replica.sessions) if (isLocal) count++;
  return count;
}

/** Takes time linear in what it prints; quotas are walked once. */
export function dumpMetrics(view: ServingView, sink: MetricSink): void {
  const ofLearners = (what: string): string[] =>
    view.role.learners.map(({ sid }) => `${sid}_learner_handler_${what}`);
  for (const [name, value] of gauges) {
    const found = value(view);
    if (found === undefined) continue;
    sink(name, doubles.has(name) ? javaAverage(found) : whole(found));
  }
  for (const { name, value } of quotaGauges(view.replica.database.quotas)) sink(name, whole(value));
  for (const name of counterNames) sink(name, whole(counters.get(name)?.(view) ?? 0));
  for (const [namespace, count] of view.replica.database.quotas.exceeded) {
    sink(`${namespace}_quota_exceeded_error_per_namespace`, whole(count));
  }
  for (const name of summaryNames) dumpSummary(name, summaries.get(name)?.(view), sink);
  for (const name of distributionNames)
    dumpDistribution(name, distributions.get(name)?.(view), sink);
  // Java: packets that wait for a learner, and how long. Here they are bytes in its connection.
  for (const name of ofLearners('qp_size')) dumpSummary(name, undefined, sink);
  for (const name of ofLearners('qp_time_ms')) dumpDistribution(name, undefined, sink);
  dumpOwn(view, sink);
}

const quantiles = [
  ['p50', 0.5],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

function dumpSummary(
  name: string,
  summary: Summary | Distribution | undefined,
  sink: MetricSink,
): void {
  sink(`avg_${name}`, summary === undefined ? javaDouble(0) : javaAverage(summary.average));
  sink(`min_${name}`, whole(summary?.min ?? 0));
  sink(`max_${name}`, whole(summary?.max ?? 0));
  sink(`cnt_${name}`, whole(summary?.count ?? 0));
  sink(`sum_${name}`, whole(summary?.sum ?? 0));
}

function dumpDistribution(
  name: string,
  distribution: Distribution | undefined,
  sink: MetricSink,
): void {
  dumpSummary(name, distribution, sink);
  for (const [label, share] of quantiles) {
    sink(`${label}_${name}`, whole(Math.round(distribution?.quantile(share) ?? 0)));
  }
}

/** What Java has no name for, behind all that it names. */
function dumpOwn({ replica, txnLog, environment }: ServingView, sink: MetricSink): void {
  // Java shows this one over JMX only, and did so here before 3.6.
  sink('fsync_threshold_exceed_count', whole(txnLog.stats.slowSyncs));
  sink('resident_memory_bytes', whole(environment.residentMemory()));
  sink('tree_memory_bytes', whole(replica.database.tree.allocated));
  for (const [reason, count] of replica.stats.closed) {
    sink(`connection_closed_${reason}`, whole(count));
  }
}

/** Java's longs; ours may have a fraction. */
function whole(value: number): string {
  return String(Math.floor(value));
}

function fired(type: EventType): Source<Summary> {
  return ({ replica }) => replica.stats.firedByType.get(type);
}

function names(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}
