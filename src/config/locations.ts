import convict from 'convict';

type Environment = Record<string, string | undefined>;

/** What has to be known before a configuration can be read, or a daemon asked: only the environment says it. */
export const locationSchema = {
  config: {
    doc: "The daemon's configuration file.",
    format: String,
    nullable: true,
    default: null as string | null,
    env: 'CHIMED_CONFIG',
  },
  socket: {
    doc: "The daemon's socket, where its clients look for it.",
    format: String,
    nullable: true,
    default: null as string | null,
    env: 'CHIMED_SOCKET_PATH',
  },
};

/** Where the environment says that things are; an empty variable says nothing. */
export function locations(env: Environment = process.env): { config?: string; socket?: string } {
  const { config, socket } = convict(locationSchema, { env, args: [] }).validate().getProperties();
  return { ...(config && { config }), ...(socket && { socket }) };
}
