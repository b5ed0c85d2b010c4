// Maps between a client's paths and the server's when the connect string ends in a chroot: requests get it in front,
// replies and events lose it. In and out: valid paths. Paths outside the chroot (the configuration node's events)
// pass unchanged.

export class Chroot {
  /** '' when there is none. */
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  toServer(path: string): string {
    if (this.path === '') return path;
    return path === '/' ? this.path : this.path + path;
  }

  toClient(path: string): string {
    if (this.path === '') return path;
    if (path === this.path) return '/';
    return this.holds(path) ? path.substring(this.path.length) : path;
  }

  /** Whether a server's path is the chroot or lies under it. */
  holds(path: string): boolean {
    return (
      path.startsWith(this.path) &&
      (path.length === this.path.length || path.charCodeAt(this.path.length) === 0x2f)
    );
  }
}
