// Host names as Java prints them (InetSocketAddress.getHostString): a name stays as it was written, a numeric address
// takes its long form, because Java has parsed it: `::1` becomes `0:0:0:0:0:0:0:1`, `127.1` becomes `127.0.0.1`, an
// IPv4-mapped IPv6 address becomes IPv4. Configuration texts must come out byte-equal, and two spellings of one address
// must not look like two members.

/** `host` without brackets; undefined when it looks like an IPv6 address and is none. */
export function hostString(host: string): string | undefined {
  if (host.includes(':')) return ipv6String(host);
  return /^\d+(\.\d+){0,3}$/.test(host) ? (ipv4String(host) ?? host) : host;
}

/** In brackets where a port follows. */
export function delimitedHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** `a.b.c.d`, and the short forms where the last number fills the bytes that are left. */
function ipv4String(text: string): string | undefined {
  const numbers = text.split('.').map(Number);
  const last = numbers.pop() ?? 0;
  const left = 4 - numbers.length;
  if (numbers.some((number) => number > 255) || last >= 256 ** left) return undefined;
  for (let place = left - 1; place >= 0; place--) {
    numbers.push(Math.floor(last / 256 ** place) % 256);
  }
  return numbers.join('.');
}

function ipv6String(text: string): string | undefined {
  const [, address = '', zone = ''] = /^([0-9a-fA-F:.]+)(%[^\]]*)?$/.exec(text) ?? [];
  const sides = address.split('::');
  if (address === '' || sides.length > 2) return undefined;
  const [before, after] = sides.map(wordsOf);
  if (before === undefined || (sides.length === 2 && after === undefined)) return undefined;
  const missing = 8 - before.length - (after?.length ?? 0);
  if (sides.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const words = [...before, ...new Array<number>(missing).fill(0), ...(after ?? [])];
  const [high = 0, low = 0] = words.toSpliced(0, 6);
  const isMapped = words.every((word, i) => i > 5 || word === (i === 5 ? 0xffff : 0));
  if (isMapped) return [high >> 8, high & 255, low >> 8, low & 255].join('.');
  return words.map((word) => word.toString(16)).join(':') + zone;
}

/** The 16-bit words of one side of `::`; a dotted IPv4 tail counts as two. */
function wordsOf(side: string): number[] | undefined {
  if (side === '') return [];
  const words: number[] = [];
  const parts = side.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && /^\d+\.\d+\.\d+\.\d+$/.test(part)) {
      const bytes = ipv4String(part)?.split('.').map(Number);
      if (bytes === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = bytes;
      words.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      words.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return words;
}
