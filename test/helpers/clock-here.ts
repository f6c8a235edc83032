import { messageOf } from '../../src/errors.ts';

/** Reports whether this machine lets programs ask for the clock's state, and says loudly on stderr if not. */
export async function canReadClock(): Promise<boolean> {
  try {
    const { readClock } = await import('../../src/linux/clock.ts');
    readClock();
    return true;
  } catch (error) {
    process.stderr.write(
      `SKIPPED: a test reads the clock's state, which is refused here: ${messageOf(error)}\n`,
    );
    return false;
  }
}
