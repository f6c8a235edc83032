interface Node<Value> {
  value?: Value;
  children?: Map<string, Node<Value>>;
}

/**
 * Values by dotted names, kept as a tree of words. Looking something up costs what it finds, not what there is: the
 * names that a pattern matches, or, where the names are patterns themselves, those that match a topic.
 */
export class WordTree<Value> {
  readonly #root: Node<Value> = {};

  set(name: string, value: Value): void {
    let node = this.#root;
    for (const word of name.split('.')) {
      node.children ??= new Map();
      let child = node.children.get(word);
      if (!child) node.children.set(word, (child = {}));
      node = child;
    }
    node.value = value;
  }

  /** Removes a name, and the words that only it had. */
  delete(name: string): void {
    remove(this.#root, name.split('.'), 0);
  }

  /** Values of the names that a pattern matches. */
  matching(pattern: string): Value[] {
    const found: Value[] = [];
    findNames(this.#root, pattern.split('.'), 0, found);
    return found;
  }

  /** Values of the names, taken as patterns, that match a topic. */
  matchedBy(topic: string): Value[] {
    const found: Value[] = [];
    findPatterns(this.#root, topic.split('.'), 0, found);
    return found;
  }
}

/** Returns whether nothing is left below a node. */
function remove<Value>(node: Node<Value>, words: readonly string[], at: number): boolean {
  const word = words[at];
  if (word === undefined) delete node.value;
  else {
    const child = node.children?.get(word);
    if (child && remove(child, words, at + 1)) node.children!.delete(word);
  }
  return node.value === undefined && !node.children?.size;
}

function findNames<Value>(node: Node<Value>, words: readonly string[], at: number, found: Value[]): void {
  const word = words[at];
  if (word === undefined) {
    if (node.value !== undefined) found.push(node.value);
  } else if (word === '>') addAllBelow(node, found);
  else if (word === '*') for (const child of childrenOf(node)) findNames(child, words, at + 1, found);
  else {
    const child = node.children?.get(word);
    if (child) findNames(child, words, at + 1, found);
  }
}

function addAllBelow<Value>(node: Node<Value>, found: Value[]): void {
  for (const child of childrenOf(node)) {
    if (child.value !== undefined) found.push(child.value);
    addAllBelow(child, found);
  }
}

function findPatterns<Value>(node: Node<Value>, words: readonly string[], at: number, found: Value[]): void {
  const word = words[at];
  if (word === undefined) {
    if (node.value !== undefined) found.push(node.value);
    return;
  }
  const rest = node.children?.get('>')?.value;
  if (rest !== undefined) found.push(rest);
  for (const next of ['*', word]) {
    const child = node.children?.get(next);
    if (child) findPatterns(child, words, at + 1, found);
  }
}

function childrenOf<Value>(node: Node<Value>): Iterable<Node<Value>> {
  return node.children?.values() ?? [];
}
