import koffi from 'koffi';

import { sendNow } from './libc.ts';
import { SystemError } from './system-error.ts';

/** Numbers of the system calls, for which libc has no functions. The kernel's newer machines share theirs. */
const CALLS = new Map([
  ['x64', { setup: 206, getEvents: 208, submit: 209 }],
  ['arm64', { setup: 0, getEvents: 4, submit: 2 }],
  ['riscv64', { setup: 0, getEvents: 4, submit: 2 }],
]);
/** How many sockets one call serves at most. The kernel allows 65,536 for all programs together (`fs.aio-max-nr`). */
const MOST = 256;
/** Below that, a call for each socket costs less. */
const FEW = 16;

/** `struct iocb`, in units of 32 bits. */
const REQUEST = { size: 16, data: 0, code: 4, fd: 5, bytes: 6, count: 8 };
const WRITE = 1;
/** `struct io_event`, in units of 32 bits. */
const EVENT = { size: 8, data: 0, result: 4 };
const ADDRESS_BITS = 2 ** 32;

/** Bytes for one socket. */
export interface Outgoing {
  /** Of the socket; -1 has nothing sent. */
  readonly descriptor: number;
  readonly bytes: Buffer;
  /** How many of the bytes the kernel has taken: 0 before, and if there is no room or the connection is broken. */
  taken: number;
}

/** Sends to many sockets, without waiting for any. */
export function sendAll(all: readonly Outgoing[]): void {
  if (all.length >= FEW && requests === undefined) requests = openRequests();
  if (all.length >= FEW && requests) for (let next = 0; next < all.length;) next = requests.send(all, next);
  else all.forEach(send);
}

function send(one: Outgoing): void {
  if (one.descriptor >= 0) one.taken = sendNow(one.descriptor, one.bytes);
}

/** Null where the system has no such calls, does not allow them, or has no room for more requests. */
let requests: Requests | null | undefined;

function openRequests(): Requests | null {
  const numbers = CALLS.get(process.arch);
  if (!numbers) return null;
  try {
    return new Requests(numbers);
  } catch {
    return null;
  }
}

/**
 * Many writes in one system call, by io_submit(2). What is not a file on a disk is written as it is submitted; a socket
 * that does not wait takes what it has room for, as with send(2). With 1,000 clients a tick costs a third of what it
 * costs by send(2). io_uring could do the same, but a filter of system calls does not see what is done by it.
 */
class Requests {
  readonly #submit: (count: number) => number;
  readonly #getEvents: (count: number) => number;
  readonly #requests = new Uint32Array(MOST * REQUEST.size);
  readonly #events = new Uint32Array(MOST * EVENT.size);
  /** Where each request is. */
  readonly #addresses = new Uint32Array(2 * MOST);

  /** @throws {SystemError} `EAGAIN` if other programs have taken all requests, `EPERM`, `ENOSYS` … */
  constructor(numbers: { setup: number; getEvents: number; submit: number }) {
    const libc = koffi.load(null);
    const setup = libc.func('long syscall(long number, uint32_t most, _Inout_ uint64_t *context)');
    const submit = libc.func('long syscall(long number, uint64_t context, long count, void *requests)');
    const getEvents = libc.func(
      'long syscall(long number, uint64_t context, long least, long most, void *events, void *timeout)',
    );
    const made = [0n];
    if ((setup(numbers.setup, MOST, made) as number) < 0) throw new SystemError('io_setup');
    const context = Number(made[0]);
    this.#submit = (count) => submit(numbers.submit, context, count, this.#addresses) as number;
    this.#getEvents = (count) =>
      getEvents(numbers.getEvents, context, count, count, this.#events, null) as number;
    this.#collect(0, []); // A filter may allow one call and not the next.
    if (this.#submit(0) < 0) throw new SystemError('io_submit');
    const start = Number(koffi.address(this.#requests));
    for (let index = 0; index < MOST; index++) {
      const at = index * REQUEST.size;
      this.#requests[at + REQUEST.code] = WRITE;
      setAddress(this.#addresses, 2 * index, start + 4 * at);
    }
  }

  /** Sends from an index on. @returns from which to go on. */
  send(all: readonly Outgoing[], from: number): number {
    let next = from;
    let count = 0;
    let last: Buffer | undefined;
    let address = 0;
    for (; next < all.length && count < MOST; next++) {
      const { descriptor, bytes } = all[next]!;
      if (descriptor < 0) continue;
      if (bytes !== last) address = Number(koffi.address((last = bytes)));
      const at = count++ * REQUEST.size;
      this.#requests[at + REQUEST.data] = next;
      this.#requests[at + REQUEST.fd] = descriptor;
      setAddress(this.#requests, at + REQUEST.bytes, address);
      this.#requests[at + REQUEST.count] = bytes.length;
    }
    if (count === 0) return next;
    const submitted = Math.max(this.#submit(count), 0);
    for (let done = 0; done < submitted;) done += this.#collect(submitted - done, all);
    // One that cannot be submitted is no open file; those after it have not been looked at.
    return submitted === count ? next : this.#requests[submitted * REQUEST.size + REQUEST.data]! + 1;
  }

  /** Notes what became of those that are done: all of them, since none waits. */
  #collect(count: number, all: readonly Outgoing[]): number {
    const done = this.#getEvents(count);
    if (done < 0) throw new SystemError('io_getevents');
    for (let index = 0; index < done; index++) {
      const at = index * EVENT.size;
      all[this.#events[at + EVENT.data]!]!.taken = Math.max(this.#events[at + EVENT.result]! | 0, 0);
    }
    return done;
  }
}

function setAddress(words: Uint32Array, index: number, address: number): void {
  words[index] = address % ADDRESS_BITS;
  words[index + 1] = Math.floor(address / ADDRESS_BITS);
}
