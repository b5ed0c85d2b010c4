// Server ids of an ensemble: Java longs, so bigints here. They name servers in the configuration, in notifications and
// in LearnerInfo. A `myid` is usually 1 to 255, because its low byte seeds session ids, but any long can come over the
// wire, negative ones too.

export type Sid = bigint;

/** What a server that is no voter proposes until it has heard of a better one (Long.MIN_VALUE). */
export const noSid: Sid = -0x8000000000000000n;

/** An observer without an id of its own says this (Long.MAX_VALUE); whoever accepts it gives it a negative one. */
export const namelessSid: Sid = 0x7fffffffffffffffn;
