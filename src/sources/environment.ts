/** Variables of the daemon that commands and modules get too; all others are kept from them. */
const passedOn = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|LC_\w+|TZ|TMPDIR|XDG_RUNTIME_DIR)$/;
/** Where programs are looked up if the daemon has no PATH. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The environment of a topic's command or module: what `passedOn` names, and `CHIMED_TOPIC`. */
export function sourceEnvironment(
  topic: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  const passed = Object.entries(env).filter(([name]) => passedOn.test(name));
  return { PATH: defaultPath, ...Object.fromEntries(passed), CHIMED_TOPIC: topic };
}
