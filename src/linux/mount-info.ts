/** One line of `/proc/self/mountinfo`, see proc_pid_mountinfo(5). */
export interface Mount {
  id: string;
  parent: string;
  /** Major and minor number of the file system. */
  device: string;
  /** What of the file system is mounted: `/` unless it is a bind mount or a subvolume. */
  root: string;
  /** Where it is mounted. */
  path: string;
  type: string;
  source: string;
  /** The file system itself is read-only. A mount can be read-only beside that, as all are in the service's sandbox. */
  readOnly: boolean;
}

/** The mounts, in the order of the text. */
export function parseMounts(text: string): Mount[] {
  return text.split('\n').filter(Boolean).map(parseMount);
}

/** By hand: a machine with many containers has thousands of long lines, and a regular expression takes six times as long. */
function parseMount(line: string): Mount {
  const fields = line.split(' ');
  const [id = '', parent = '', device = '', root = '', path = ''] = fields;
  const [, type = '', source = '', options = ''] = fields.slice(fields.indexOf('-', 6));
  return {
    id,
    parent,
    device,
    root: unescaped(root),
    path: unescaped(path),
    type,
    source: unescaped(source),
    readOnly: /^ro(?:,|$)/.test(options),
  };
}

/** Spaces, tabs, newlines and backslashes are octal numbers. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
