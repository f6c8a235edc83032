/** glibc's allocator, which Node's buffers come from: it keeps memory that was freed. */
import koffi from 'koffi';

const M_MMAP_THRESHOLD = -3;
/** Blocks of this size and larger are mappings of their own, in bytes. What V8 takes while it compiles is smaller. */
const LARGE = 33_000;

const libc = koffi.load(null);
const mallopt = libc.func('int mallopt(int parameter, int value)');
const trim = libc.func('int malloc_trim(size_t keep)');

/**
 * mallopt(3): from now on, large blocks return to the system as soon as they are freed. Otherwise glibc raises its limit
 * for them to 32 MiB, and one user who sends large frames leaves holes of 200 MiB behind.
 */
export function mapLargeBlocks(): void {
  mallopt(M_MMAP_THRESHOLD, LARGE);
}

/** malloc_trim(3): what was freed returns to the system now. After a start, that is 2 MiB, which V8 took to compile. */
export function releaseFree(): void {
  trim(0);
}
