/**
 * Calls `action` for each item, in order, and for at most `limit` items at a time.
 * @returns once all calls have ended.
 * @throws what the first failed call throws; the others go on.
 */
export async function forEachConcurrently<Item>(
  items: Iterable<Item>,
  limit: number,
  action: (item: Item) => Promise<void>,
): Promise<void> {
  const left = [...items].values();
  const takeRest = async (): Promise<void> => {
    for (const item of left) await action(item);
  };
  await Promise.all(Array.from({ length: limit }, takeRest));
}
