/**
 * Quotas in the differential test: limits set, changed and taken away, subtrees filled to the limit
 * and over it, statistics read. They have steps of their own because Java 3.8.0 cannot apply a
 * transaction below a quota whose text it cannot read, so only well formed texts are written.
 */
import { encodeUtf8 } from '../../src/jute/utf8.ts';
import { OpCode } from '../../src/proto/opcodes.ts';
import type { Exchange } from './differential-exchange.ts';
import type { Request } from './differential-requests.ts';
import { make } from './differential-requests.ts';
import type { ConnectionState } from './differential-world.ts';

const open = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];
const subtrees = ['/q0', '/q1', '/q0/in', '/q2'];

export class Quotas {
  readonly #exchange: Exchange;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  /** A few requests about one quota, one at a time. */
  async step(connection: ConnectionState): Promise<void> {
    const { prng } = this.#exchange.world;
    const path = prng.pick(subtrees);
    for (let count = 1 + prng.below(5); count > 0; count--) {
      for (const request of this.#draw(path)) {
        await this.#exchange.send(connection, [request]);
        await this.#exchange.settle(connection);
      }
    }
  }

  #draw(path: string): readonly Request[] {
    const { prng } = this.#exchange.world;
    const quota = `/zookeeper/quota${path}`;
    const limits = `${quota}/zookeeper_limits`;
    const stats = `${quota}/zookeeper_stats`;
    const child = `${path}/${prng.pick(['in', 'a', 'b', 'in/a', 'in/b', 'c'])}`;
    const { create, create2, getData } = OpCode;
    const plain = (at: string) => make.create(create, at, this.#bytes(), open, 0);
    switch (prng.below(12)) {
      case 0:
        return [plain(path), plain(quota)];
      case 1:
        return [
          plain(quota),
          make.create(create, limits, this.#text(), open, 0),
          make.create(create, stats, encodeUtf8('count=0,bytes=0'), open, 0),
        ];
      case 2:
        return [make.setData(limits, this.#text(), -1)];
      case 3:
        return [make.pathInt(OpCode.delete, limits, -1), make.pathInt(OpCode.delete, stats, -1)];
      case 4:
        return [make.pathInt(OpCode.delete, child, -1)];
      case 5:
        return [make.setData(child, this.#bytes(), -1), make.pathWatch(getData, stats, false)];
      case 6:
        return [make.pathWatch(getData, limits, prng.chance(0.3))];
      case 7:
        return [make.create(create2, `${child}-`, this.#bytes(), open, 3)];
      case 8:
        return [
          make.multi(OpCode.multi, [
            make.create(create2, `${child}m`, this.#bytes(), open, 0),
            make.setData(`${child}m`, this.#bytes(), 0),
            make.setData(path, this.#bytes(), -1),
          ]),
          make.pathWatch(getData, stats, false),
        ];
      default:
        return [plain(child), make.pathWatch(getData, stats, prng.chance(0.3))];
    }
  }

  #bytes(): Uint8Array | null {
    const { prng } = this.#exchange.world;
    return prng.chance(0.2) ? null : prng.bytes(prng.below(30));
  }

  /** Well formed, with every part that may be left out left out at times. */
  #text(): Uint8Array {
    const { prng } = this.#exchange.world;
    const few = () => prng.pick([-1, 0, 1, 3, 6, 20, 1000]);
    const parts = [`count=${few()}`, `bytes=${few() * 10}`];
    let text = parts.join(',');
    if (prng.chance(0.5)) text += `=;byteHardLimit=${few() * 10};countHardLimit=${few()}`;
    else if (prng.chance(0.3)) text += `;countHardLimit=${few()}`;
    return encodeUtf8(text);
  }
}
