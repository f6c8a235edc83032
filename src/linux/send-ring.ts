import { MSG_DONTWAIT, MSG_NOSIGNAL, addressOf, enterRing, mapRing, setUpRing } from './libc.ts';

/** How many sends one system call carries. */
const ENTRIES = 256;

const IORING_OP_SEND = 26;
/** Goes on after an entry that fails. Linux before 5.18 does not know it, and refuses the ring. */
const IORING_SETUP_SUBMIT_ALL = 128;
const IORING_OFF_SQ_RING = 0;
const IORING_OFF_SQES = 0x10000000;

// Where the kernel's structures have their fields, in words of four bytes. Those of `io_uring_params` are offsets in
// the memory of the two queues: of the entries that we submit from word 10 on, of the results from word 20 on.
const WORD = 4;
const PARAMS = {
  words: 30,
  cqEntries: 1,
  flags: 2,
  sqTail: 11,
  sqArray: 16,
  cqHead: 20,
  cqTail: 21,
  cqes: 25,
};
const SQE = { words: 16, fd: 1, address: 4, length: 6, flags: 7, userData: 8 };
const CQE = { words: 4, userData: 0, result: 2 };

/**
 * Sends to many sockets in one system call, see io_uring(7): to enter the kernel costs as much as what a send does
 * there. Each send is an entry in memory that we share with the kernel, and so is how it went. None waits for room,
 * so all are over when the call returns, and nothing refers to their bytes any more. Lives as long as the process.
 */
export class SendRing {
  /** Why the ring is of no use any more, if it is not. */
  failure: unknown;
  readonly #fd: number;
  /** The places of both queues, their heads and tails, and the results. */
  readonly #queues: Int32Array;
  readonly #entries: Int32Array;
  /** The same entries, for the addresses in them. */
  readonly #addresses: BigUint64Array;
  /** Where `#queues` has what, in words. */
  readonly #at: { sqTail: number; cqHead: number; cqTail: number; cqes: number };
  readonly #resultMask: number;

  /** @throws {SystemError} `ENOSYS`, `EINVAL`, `EPERM` … where io_uring is not there, too old, or not for us. */
  constructor() {
    const params = new Uint32Array(PARAMS.words);
    params[PARAMS.flags] = IORING_SETUP_SUBMIT_ALL;
    this.#fd = setUpRing(ENTRIES, params);
    const at = (field: 'sqTail' | 'sqArray' | 'cqHead' | 'cqTail' | 'cqes'): number =>
      params[PARAMS[field]]! / WORD;
    this.#at = { sqTail: at('sqTail'), cqHead: at('cqHead'), cqTail: at('cqTail'), cqes: at('cqes') };
    const results = params[PARAMS.cqEntries]!;
    this.#resultMask = results - 1; // It is a power of two.
    const words = Math.max(at('sqArray') + ENTRIES, at('cqes') + results * CQE.words);
    this.#queues = new Int32Array(mapRing(this.#fd, words * WORD, IORING_OFF_SQ_RING));
    const entries = mapRing(this.#fd, ENTRIES * SQE.words * WORD, IORING_OFF_SQES);
    this.#entries = new Int32Array(entries);
    this.#addresses = new BigUint64Array(entries);
    const bytes = new Uint8Array(entries);
    for (let index = 0; index < ENTRIES; index++) {
      this.#queues[at('sqArray') + index] = index; // Each place of the queue has its own entry.
      bytes[index * SQE.words * WORD] = IORING_OP_SEND;
      this.#entries[index * SQE.words + SQE.flags] = MSG_DONTWAIT | MSG_NOSIGNAL;
    }
  }

  /**
   * Sends `bytes[i]` to the socket `fds[i]`, each socket once.
   * @returns how many bytes of each the kernel has taken: 0 if there is no room, or the connection is broken.
   */
  send(fds: readonly number[], bytes: readonly Buffer[]): Int32Array {
    const taken = new Int32Array(fds.length);
    try {
      for (let from = 0; from < fds.length; from += ENTRIES) {
        const to = Math.min(from + ENTRIES, fds.length);
        this.#fill(fds, bytes, from, to);
        this.#submit(to - from);
        this.#collect(taken);
      }
    } catch (error) {
      this.failure = error;
    }
    return taken;
  }

  #fill(fds: readonly number[], bytes: readonly Buffer[], from: number, to: number): void {
    const tail = this.#queues[this.#at.sqTail]!;
    let address = 0n;
    for (let index = from; index < to; index++) {
      // Most often, all are sent the same.
      if (index === from || bytes[index] !== bytes[index - 1]) address = addressOf(bytes[index]!);
      const entry = ((tail + index - from) & (ENTRIES - 1)) * SQE.words;
      this.#entries[entry + SQE.fd] = fds[index]!;
      this.#addresses[(entry + SQE.address) / 2] = address;
      this.#entries[entry + SQE.length] = bytes[index]!.length;
      this.#entries[entry + SQE.userData] = index;
    }
  }

  #submit(count: number): void {
    const { sqTail } = this.#at;
    const tail = this.#queues[sqTail]!;
    this.#queues[sqTail] = tail + count;
    // What the kernel has no memory for is taken back, and counts as not sent.
    this.#queues[sqTail] = tail + enterRing(this.#fd, count);
  }

  #collect(taken: Int32Array): void {
    const { cqHead, cqTail, cqes } = this.#at;
    const queues = this.#queues;
    let head = queues[cqHead]!;
    for (; head !== queues[cqTail]; head = (head + 1) | 0) {
      const result = cqes + (head & this.#resultMask) * CQE.words;
      taken[queues[result + CQE.userData]!] = Math.max(queues[result + CQE.result]!, 0);
    }
    queues[cqHead] = head;
  }
}
