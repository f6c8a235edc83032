/** Topics of a configuration, or its other settings, as the file has them. */
export type Settings = Readonly<Record<string, unknown>>;

/** What a case wants of a daemon that it shares with others. */
export interface SharedDaemon {
  /** The case, a full statement about the daemon. */
  name: string;
  /**
   * Topics of a daemon that the case shares with others: `stage.daemon`. The first word of their names belongs to this case
   * alone. Absent if the case starts daemons of its own.
   */
  topics?: Settings;
  /** The other settings of that daemon. Cases with equal settings share one. @default {} */
  settings?: Settings;
}
