/** Name of the topic that says how the fleet is, as the bridge sees it. */
export const FLEET_LINK = 'fleet.link';

/** Its payload. Times are milliseconds since the epoch; what is yes or no is 1 or 0, so that it can be a metric. */
export interface FleetLink {
  /** What the fleet calls this machine. */
  machine: string;
  connected: 0 | 1;
  /** Host and port of the NATS server; null without a connection. */
  server: string | null;
  /** When the connection was made. */
  since: number | null;
  /** Why there is no connection. */
  error: string | null;
  /** Connections made since the bridge was started. */
  connections: number;
  /** Time to the server and back. */
  rttMs: number | null;
  /** Messages sent to other machines, and received from them, since the bridge was started. */
  published: number;
  received: number;
  /** Messages among these that were read from the stream, and would have been missed. */
  filled: number;
  /** Messages that were not sent, or not given to the daemon. */
  skipped: number;
  /** What was received and does not belong there. */
  dropped: number;
  /** Topics that are heard from other machines, and by them, now. */
  imported: number;
  exported: number;
  /** How many other machines are known. */
  machineCount: number;
  /** The first thousand of them. */
  machines: Record<string, FleetMachine>;
}

/** Another machine of the fleet. */
export interface FleetMachine {
  here: 0 | 1;
  host: string;
  version: string;
  /** When it came, or went. */
  since: number;
  /** Topics that it exports. */
  topics: number;
  /** Topics of it that somebody here listens to. */
  wanted: number;
  /** How late half of its last messages came at most, with the difference of the clocks taken off; null before the first. */
  lateMs: number | null;
  /** How far its clock is ahead of ours, as far as the way of a message can be known. */
  skewMs: number;
  /** What its kernel says of its clock. Absent where it does not. */
  synchronised?: 0 | 1;
  maxErrorMs?: number;
}
