/** What the gateway sends on `/listen`, as it stands in `data`. */
export interface MessageEventData {
  topic: string;
  seq: number;
  time: number;
  data: unknown;
  stale?: true;
}

export interface MissedData {
  /** Absent if it is about all topics. */
  topic?: string;
  /** Null if the number is unknown. */
  missed: number | null;
}

export interface FailingData {
  topic: string;
  error: string;
  since: number;
}

export interface StateData {
  status: 'ready' | 'waiting';
  reason?: string;
}

/** Names of the events, the unnamed one included. */
export const eventNames = ['message', 'missed', 'failing', 'recovered', 'state'] as const;

/** One event of the stream, as the tabs hand it on. */
export interface GatewayEvent {
  name: (typeof eventNames)[number];
  /** The id to resume after, as far as the stream has named one. */
  id: string;
  text: string;
}
