/**
 * Runs `work`, which never rejects, once at a time. Calls while it runs are answered by one more run, which begins after
 * the last of them.
 */
export function coalesce(work: () => Promise<void>): () => void {
  let running = false;
  let wanted = false;
  const run = async (): Promise<void> => {
    running = true;
    while (wanted) {
      wanted = false;
      await work();
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running) void run();
  };
}
