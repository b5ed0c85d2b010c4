// The ip scheme's addresses (IPAuthenticationProvider.java of 3.9.4 and later, which added IPv6).
// In: texts of ACL ids and of connections' addresses. Out: whether they are well formed and whether
// one lies in the other's network. The two families never match; an IPv4 address written inside
// IPv6 (`::ffff:…`) is only ever a connection's, and becomes IPv4.
// Differs from Java on purpose: hexadecimal groups take digits only (Java's parseInt lets a sign
// through), and the zone of a connection's link-local address does not stand in the way of a match.

/** IPv4: 4 bytes, each as Integer.parseInt reads it (a sign and leading zeros are taken). */
function parseV4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const value = parseInteger(part);
    if (value === undefined || value < 0 || value > 255) return undefined;
    bytes[i] = value;
  }
  return bytes;
}

/** IPv6: 16 bytes; at most one '::', which stands for at least one group. */
function parseV6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const groups = head.length + tail.length;
  if (halves.length === 1 ? groups !== 8 : groups > 7) return undefined;
  const bytes = new Uint8Array(16);
  return putGroups(bytes, 0, head) && putGroups(bytes, 16 - 2 * tail.length, tail)
    ? bytes
    : undefined;
}

function putGroups(bytes: Uint8Array, start: number, groups: readonly string[]): boolean {
  let at = start;
  for (const group of groups) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return false;
    const value = Number.parseInt(group, 16);
    bytes[at++] = value >> 8;
    bytes[at++] = value & 0xff;
  }
  return true;
}

function parseAddress(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** Java's Integer.parseInt for ASCII digits. */
function parseInteger(text: string): number | undefined {
  if (!/^[+-]?[0-9]+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= -0x80000000 && value <= 0x7fffffff ? value : undefined;
}

interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

function parseNetwork(text: string): Network | undefined {
  const cut = text.indexOf('/');
  const bytes = parseAddress(cut < 0 ? text : text.substring(0, cut));
  if (bytes === undefined) return undefined;
  const bits = cut < 0 ? bytes.length * 8 : parseInteger(text.substring(cut + 1));
  if (bits === undefined || bits < 0 || bits > bytes.length * 8) return undefined;
  return { bytes, bits };
}

/** Whether an ACL id of the ip scheme is well formed: an address, or an address, '/' and the bits of the network. */
export function isIpAcl(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** Whether a connection's address lies in an ACL id's network. */
export function matchesIpAcl(address: string, aclId: string): boolean {
  if (address === aclId) return isIpAcl(aclId);
  const network = parseNetwork(aclId);
  if (network === undefined) return false;
  const zone = address.indexOf('%');
  const bytes = parseAddress(zone < 0 ? address : address.substring(0, zone));
  if (bytes === undefined || bytes.length !== network.bytes.length) return false;
  for (let at = 0; at * 8 < network.bits; at++) {
    const mask = 0xff00 >> Math.min(8, network.bits - at * 8);
    if ((((bytes[at] as number) ^ (network.bytes[at] as number)) & mask & 0xff) !== 0) return false;
  }
  return true;
}

/**
 * A socket's address as Java would name it, for ACLs, limits and listings: IPv4 inside IPv6 becomes IPv4, other IPv6
 * addresses eight groups without leading zeros (InetAddress.getHostAddress); a zone stays. Anything else stays as it
 * is.
 */
export function normalizeAddress(text: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(text)?.[1];
  if (mapped !== undefined && parseV4(mapped) !== undefined) return mapped;
  const zone = text.indexOf('%');
  const bytes = text.includes(':') ? parseV6(zone < 0 ? text : text.substring(0, zone)) : undefined;
  if (bytes === undefined) return text;
  if (isMapped(bytes)) return bytes.subarray(12).join('.');
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) {
    groups.push((((bytes[at] as number) << 8) | (bytes[at + 1] as number)).toString(16));
  }
  return groups.join(':') + (zone < 0 ? '' : text.substring(zone));
}

/** Ten zero bytes and two of 0xff. */
function isMapped(bytes: Uint8Array): boolean {
  for (let at = 0; at < 12; at++) if (bytes[at] !== (at < 10 ? 0 : 0xff)) return false;
  return true;
}
