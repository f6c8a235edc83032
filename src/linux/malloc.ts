/** glibc's allocator, which Node's buffers come from: it keeps memory that was freed. */
import koffi from 'koffi';

const mallocTrim = koffi.load(null).func('int malloc_trim(size_t padding)');

/** malloc_trim(3): returns to the system what was freed. Takes some milliseconds. */
export function trimMemory(): void {
  mallocTrim(0);
}
