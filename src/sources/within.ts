/**
 * Waits for a result, but no longer than the timeout of a sample, or until the sample is no longer needed.
 * What gives the result is not ended.
 */
export async function within<Result>(
  result: Promise<Result>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new Error('it is no longer needed'));
  const timer = setTimeout(
    () => reject(new Error(`it took longer than ${timeoutMs} ms (timeout)`)),
    timeoutMs,
  );
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([result, stopped]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
