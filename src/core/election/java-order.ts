// The order in which Java's HashMap<Long, …> gives back its keys. Configuration texts are printed by walking such maps,
// and the text is data: it lies in /zookeeper/config and is compared between servers, so ours has the same order.
//
// A map's order is by bucket, and in a bucket by insertion. What is inserted was read from a `Properties`, whose order
// is that of a ConcurrentHashMap of strings: it decides between sids of one bucket (1 and 17). Exact up to eleven
// properties; with more of them Java may turn colliding sids around when its table grows, which is left out here.

/** HashMap and the Properties' map both begin with 16 buckets and double when more than three quarters are taken. */
const bucketsLeast = 16;

function bucketsFor(count: number, fullAt: (buckets: number) => number): number {
  let buckets = bucketsLeast;
  while (count > fullAt(buckets)) buckets *= 2;
  return buckets;
}

function longBucket(key: bigint, buckets: number): number {
  const hash = Number(BigInt.asIntN(32, key ^ (key >> 32n)));
  return (hash ^ (hash >>> 16)) & (buckets - 1);
}

function stringBucket(key: string, buckets: number): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 16)) & (buckets - 1);
}

/** Property names as Properties walks them, those of one bucket in the order given. */
export function inPropertiesOrder(keys: readonly string[]): string[] {
  const buckets = bucketsFor(keys.length, (size) => size * 0.75 - 1);
  return keys.toSorted((a, b) => stringBucket(a, buckets) - stringBucket(b, buckets));
}

/** Keys as a HashMap walks them into which they were put in the order given. */
export function inHashMapOrder(keys: Iterable<bigint>): bigint[] {
  const list = [...keys];
  const buckets = bucketsFor(list.length, (size) => size * 0.75);
  return list.sort((a, b) => longBucket(a, buckets) - longBucket(b, buckets));
}
