/**
 * Plays something for a limited time.
 * @param end Ends all that it waits for, and is told why.
 * @throws what `play` throws, or that it took too long.
 */
export async function playWithin<T>(
  seconds: number,
  end: (reason: string) => void,
  play: () => Promise<T>,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const reason = `it took longer than ${seconds} s`;
    end(reason); // What waits for a frame says first what it has got instead.
    setImmediate(() => late.reject(new Error(reason)));
  }, seconds * 1000);
  try {
    return await Promise.race([play(), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
