import { readFileSync } from 'node:fs';

/** Bit of the capability that makes all processes visible. */
const CAP_SYS_PTRACE = 19n;

/**
 * Checks that the kernel shows the processes of all users.
 * @throws if it hides some of them, with the remedy: a count would be false.
 */
export function assertAllVisible(proc: string): void {
  const mounts = [
    ...readFileSync(`${proc}/self/mountinfo`, 'utf8').matchAll(/^(?:\S+ ){4}\/proc .* - (.*)$/gm),
  ];
  const options = mounts.at(-1)?.[1] ?? '';
  const [, mode] = /\bhidepid=([^, ]+)/.exec(options) ?? [];
  if (mode === undefined || mode === '0' || mode === 'off') return;
  const status = readFileSync(`${proc}/self/status`, 'utf8');
  const capabilities = BigInt(`0x${/^CapEff:\s*(\S+)$/m.exec(status)?.[1] ?? 0}`);
  if ((capabilities >> CAP_SYS_PTRACE) & 1n) return;
  const [, group] = /\bgid=(\d+)/.exec(options) ?? [];
  const groups = (/^Groups:(.*)$/m.exec(status)?.[1] ?? '').trim().split(' ');
  const isExempt = group !== undefined && groups.includes(group) && mode !== '4' && mode !== 'ptraceable';
  if (!isExempt) throw hidden(`hidepid=${mode}`);
}

/** The failure of a sample that would miss processes. */
export function hidden(why: string): Error {
  return new Error(
    `the kernel hides the processes of other users (${why}), so a count would be false; for the systemd service, set ProtectProc=default in a drop-in (systemd/sources.conf.example)`,
  );
}
