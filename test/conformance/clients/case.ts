import type { Stage } from './stage.ts';

/** What a client can do, as its adapter says it. */
export const features = ['listen', 'publish', 'get', 'provide'] as const;
export type Feature = (typeof features)[number];

/** One thing that a client must do. */
export interface Case {
  /** A full statement about the client. */
  name: string;
  /** The rules of docs/wire.md that demand it. */
  rules: readonly number[];
  /** @default listen */
  needs?: Feature;
  /** How long it can take before it counts as failed, in seconds. @default 20 */
  seconds?: number;
  /** Why the case cannot be tried on this machine; undefined if it can. */
  impossible?(): string | undefined;
  /** @throws if the client does not do it. */
  run(stage: Stage): Promise<void>;
}

export const DEFAULT_SECONDS = 20;
