/**
 * What one client was told of its writes, and what may therefore be in the tree.
 *
 * A write whose answer was lost is in doubt: it happened or it did not. Everything acknowledged must be
 * there, nothing else may be. An acknowledged write of a path settles all earlier doubts about it, because
 * a session's writes are done in the order it made them.
 */

/** A node's data; undefined: no node. */
export type Content = string | undefined;

interface Entry {
  certain: Content;
  doubts: Content[];
}

export class Journal {
  readonly #entries = new Map<string, Entry>();
  acknowledged = 0;
  inDoubt = 0;

  acknowledge(changes: ReadonlyMap<string, Content>): void {
    this.acknowledged++;
    for (const [path, content] of changes) {
      this.#entries.set(path, { certain: content, doubts: [] });
    }
  }

  doubt(changes: ReadonlyMap<string, Content>): void {
    this.inDoubt++;
    for (const [path, content] of changes) {
      const entry = this.#entries.get(path) ?? { certain: undefined, doubts: [] };
      entry.doubts.push(content);
      this.#entries.set(path, entry);
    }
  }

  /** What contradicts the journal, given every node the client wrote below its own. */
  contradictions(found: ReadonlyMap<string, string>): string[] {
    const wrong: string[] = [];
    for (const [path, { certain, doubts }] of this.#entries) {
      const content = found.get(path);
      if (content === certain || doubts.includes(content)) continue;
      wrong.push(
        `${path} is ${content ?? 'not there'}, was acknowledged as ${certain ?? 'not there'}` +
          (doubts.length === 0 ? '' : `, in doubt as ${doubts.join(' or ')}`),
      );
    }
    for (const [path, content] of found) {
      if (!this.#entries.has(path)) wrong.push(`${path} is ${content}, was never written`);
    }
    return wrong;
  }
}
