/**
 * Requests spoiled after they were made: cut, lengthened, and with numbers overwritten by those that
 * decoders get wrong. In: a request and chance. Out: another, which may by luck be legal again; what
 * would harm Java 3.8.0 is left out by the caller.
 */
import type { Prng } from '../../src/util/prng.ts';
import type { Request } from './differential-requests.ts';

/** Lengths, counts and versions at the edges. */
const numbers = [-1, -2, 0, 1, 4, 255, 0x7fffffff, -0x80000000, 0x000fffff, 0x00200000, 0x01000000];

export function mangled(prng: Prng, { type, body }: Request): Request {
  const bytes = new Uint8Array(body);
  const view = new DataView(bytes.buffer);
  const at = prng.below(Math.max(1, bytes.length));
  switch (prng.below(6)) {
    case 0:
      return { type, body: bytes.subarray(0, at) };
    case 1: {
      const longer = new Uint8Array(bytes.length + 1 + prng.below(16));
      longer.set(bytes);
      if (prng.chance(0.5)) longer.set(prng.bytes(longer.length - bytes.length), bytes.length);
      return { type, body: longer };
    }
    case 2:
    case 3: {
      // At the beginning and on multiples of four stand most lengths.
      const place = prng.chance(0.5) ? 0 : at;
      if (bytes.length >= place + 4) view.setInt32(place, prng.pick(numbers));
      return { type, body: bytes };
    }
    case 4:
      for (let flips = 1 + prng.below(3); flips > 0 && bytes.length > 0; flips--) {
        const where = prng.below(bytes.length);
        bytes[where] = (bytes[where] ?? 0) ^ (1 << prng.below(8));
      }
      return { type, body: bytes };
    default:
      return { type, body: prng.bytes(prng.below(40)) };
  }
}
