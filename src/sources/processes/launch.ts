/*
 * How a program is started: by `/bin/sh`, which enters the directory and becomes the program. A program or a directory
 * on a file system that never answers then holds up that one process, and none of the threads that start all of them.
 */
import { markCommand } from '../../linux/family.ts';
import type { Reader } from './paced.ts';
import { yieldCommand } from './priority.ts';

/**
 * What to type for /bin/sh: `$0` is the mark, `$1` the directory, `$2` empty to run the program that follows, or
 * `explain` to say only why it cannot be run. The trap runs if `exec` fails, and writes the reason to stderr. A shell
 * begins its own messages with `$0`, so that what the launch writes begins with the mark.
 */
const script = `
${markCommand('"$0"')}
${yieldCommand}
directory=$1 mode=$2
shift 2
program=$1
why() {
  trap - 0
  exec >&2
  printf '%s ' "$0"
  [ "$entered" ] || { echo directory; return; }
  case $program in */*) file=$program ;; *) file=$(command -v "$program") ;; esac
  case $file in */*) ;; *) echo unknown; return ;; esac
  [ -e "$file" ] || { echo missing; return; }
  [ -d "$file" ] && { echo folder; return; }
  [ -x "$file" ] || { echo refused; return; }
  line=$(head -c 256 -- "$file" | head -n 1)
  case $line in
  '#!'*)
    set -f
    set -- \${line#??}
    [ -e "$1" ] && echo other || printf 'interpreter %s\\n' "$1"
    ;;
  *) echo other ;;
  esac
}
trap why 0
cd -- "$directory" && entered=yes || exit
[ "$mode" ] && exit
exec "$@"
`;

/** The arguments of /bin/sh that start a program. */
export function launchArguments(
  mark: string,
  directory: string,
  argv: readonly string[],
  mode: '' | 'explain' = '',
): string[] {
  return ['/bin/sh', '-c', script, mark, directory, mode, ...argv];
}

/**
 * Why a program could not be run, as a sentence.
 * @param stderr What the launch wrote there.
 * @returns undefined if it was run, or the reason is another than those that the launch knows.
 */
export function launchFailure(
  stderr: string,
  mark: string,
  directory: string,
  program: string,
  path = '',
): string | undefined {
  if (!stderr.includes(mark)) return undefined;
  const [, reason, detail] =
    new RegExp(`^${mark} (\\w+)(?: (.*))?$`, 'ms').exec(stderr.replace(/\n+$/, '')) ?? [];
  switch (reason) {
    case 'directory':
      return `it cannot enter its directory ${directory}`;
    case 'unknown':
      return `there is no program ${program} in ${path} (PATH)`;
    case 'missing':
      return `there is no file ${program}, or the daemon's user is not permitted to see it`;
    case 'folder':
      return `${program} is a directory`;
    case 'refused':
      return `permission denied to execute ${program}; set its mode with chmod +x, and see that its file system is not mounted with noexec`;
    case 'interpreter':
      return detail?.endsWith('\r')
        ? `${program}: its interpreter ${detail.replace('\r', '\\r')} does not exist: the first line ends with CR LF; convert the file with dos2unix`
        : `${program}: its interpreter ${detail} does not exist; correct the first line`;
    case 'other':
      return `the system cannot execute ${program}; is it built for this machine, and are the libraries that it needs installed?`;
    default:
      return undefined;
  }
}

/**
 * Passes on what a program writes to stderr. If that begins with the mark, the launch writes it, and the program will
 * not run.
 */
export function withoutLaunch(mark: string, reader: Reader): Reader {
  let writer: 'launch' | 'program' | undefined;
  /** The first bytes, as long as they can become the mark. */
  let first = '';
  return (bytes, mayGoOn) => {
    if (writer === undefined) {
      const before = first;
      first += bytes.toString('latin1', 0, mark.length - before.length);
      if (first !== mark && mark.startsWith(first)) return undefined;
      writer = first === mark ? 'launch' : 'program';
      if (writer === 'program' && before !== '') reader(Buffer.from(before, 'latin1'), () => true);
    }
    return writer === 'launch' ? undefined : reader(bytes, mayGoOn);
  };
}
