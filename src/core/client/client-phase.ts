// What a client session is doing: one kind at a time, each with what holds in it alone. In: a phase. Out: the state
// that programs know (ClientCnxn's States). Invariant: `attempt` is there exactly while there is a connection or one is
// being made, and names it.

import type { ClientState, EndState } from './session-events.ts';

export type Phase =
  | { readonly kind: 'pausing' }
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'connected'; readonly attempt: number; readonly readOnly: boolean }
  | { readonly kind: 'closing'; readonly attempt: number; readonly readOnly: boolean }
  | { readonly kind: 'ended'; readonly state: EndState };

export function stateOf(phase: Phase): ClientState {
  switch (phase.kind) {
    case 'ended':
      return phase.state;
    case 'connected':
    case 'closing':
      return phase.readOnly ? 'CONNECTEDREADONLY' : 'CONNECTED';
    default:
      return 'CONNECTING';
  }
}
