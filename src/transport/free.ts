/**
 * Gives the memory of a buffer back at once; nobody may use it any more. V8 collects buffers only when some 64 MiB of
 * them are garbage, which one user who sends or asks for much would have us hold all the time.
 */
export function free({ buffer, length }: Buffer): void {
  // Small ones may be parts of a buffer that Node shares among many.
  if (buffer.byteLength === length && length > 0) (buffer as ArrayBuffer).transfer(0);
}
