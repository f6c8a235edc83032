/** glibc's allocator: it keeps memory that was freed, and Node's buffers come from it. */
import koffi from 'koffi';

const M_MMAP_THRESHOLD = -3;
/** Blocks of this size and larger are returned to the system as soon as they are freed, in bytes. */
const LARGE = 65_536;

const libc = koffi.load(null);
const mallopt = libc.func('int mallopt(int parameter, int value)');
const mallocTrim = libc.func('int malloc_trim(size_t padding)');

/** mallopt(3): from now on, large blocks are mappings of their own. Otherwise glibc raises the limit to 32 MiB. */
export function mapLargeBlocks(): void {
  mallopt(M_MMAP_THRESHOLD, LARGE);
}

/** malloc_trim(3): returns to the system what was freed. Takes some milliseconds. */
export function trimMemory(): void {
  mallocTrim(0);
}
