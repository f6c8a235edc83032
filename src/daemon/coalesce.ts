/**
 * Runs `work` once at a time. Calls while it runs are answered by one more run, which begins after the last of them.
 */
export function coalesce<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | undefined;
  const run = async (): Promise<T> => {
    await running;
    next = undefined;
    const result = work();
    running = result.catch(() => {});
    return await result;
  };
  return () => (next ??= run());
}
