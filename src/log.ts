/** One level's method. pino's own loggers fit: fields first, then one line of text. */
export type LogMethod = (fields: object, message: string) => void;

/** What chimed asks of a logger. A pino logger, or anything of its shape. */
export interface Logger {
  debug: LogMethod;
  info: LogMethod;
  warn: LogMethod;
  error: LogMethod;
}

const nothing: LogMethod = () => {};

/** The logger of a library that was given none. */
export const silent: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** A logger whose lines have other fields than it is given. @param change Makes what `logger` wants of them. */
export function withFields<Fields extends object>(
  logger: Record<keyof Logger, (fields: Fields, message: string) => void>,
  change: (fields: object) => Fields,
): Logger {
  const method =
    (level: keyof Logger): LogMethod =>
    (fields, message) =>
      logger[level](change(fields), message);
  return { debug: method('debug'), info: method('info'), warn: method('warn'), error: method('error') };
}
