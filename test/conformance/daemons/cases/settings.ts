/** Settings that cases share, so that they share a daemon: each starts one of its own otherwise. */

/** Little room. `maxPerUser` limits neither root nor the daemon's user. */
export const tight = { clients: { frameBytes: '64KiB', pendingBytes: '64KiB', maxPerUser: 2 } };

/** Little time. */
export const hasty = { clients: { frameTimeout: '200ms', stallTimeout: '300ms', pendingBytes: '64KiB' } };
