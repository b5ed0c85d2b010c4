// Why the server closes a connection: in its statistics (connection_drop reasons of ServerMetrics.java, in our words)
// and for whoever reads its log. What is not here was closed by the peer.
// One word for each cause, never for a place in the code.

export type CloseReason =
  | 'client_zxid_ahead'
  | 'session_reopen_failed'
  | 'client_reconnect'
  | 'client_closed_session'
  | 'session_closed'
  | 'session_moved'
  | 'not_read_only_client'
  | 'server_read_only'
  | 'auth_failed'
  | 'unimplemented_request'
  | 'malformed_frame'
  | 'large_request'
  | 'connection_expired'
  | 'output_overflow'
  | 'server_shutdown';
