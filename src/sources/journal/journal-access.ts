import { Child } from '../processes/child.ts';
import { failureOf, tellingLine } from '../processes/command-run.ts';
import type { LineProgram } from '../processes/line-program.ts';
import { takePlace } from '../processes/places.ts';

/**
 * Throws if the journal cannot be read, or not all of it. `journalctl --output=json` does not say so: it prints nothing,
 * for ever. Without a format, it does.
 */
export async function checkJournalAccess(
  { topic, env }: Pick<LineProgram, 'topic' | 'env'>,
  { directory, timeoutMs }: { directory: string | undefined; timeoutMs: number },
  signal: AbortSignal,
): Promise<void> {
  const place = await takePlace(`${topic}\0check of journalctl`);
  if (signal.aborted) return;
  const from = directory === undefined ? [] : [`--directory=${directory}`];
  const argv = ['journalctl', '--merge', '--lines=0', '--no-pager', ...from];
  const child = place.hold(new Child({ argv, directory: '/', env }));
  const end = (): void => child.end();
  const timer = setTimeout(end, timeoutMs);
  signal.addEventListener('abort', end);
  const exit = await Promise.race([child.gone, child.settled.then(() => undefined)]).finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
  });
  if (signal.aborted) return;
  const { stderr } = child;
  if (stderr.includes('No journal files were found'))
    throw new Error(
      directory === undefined
        ? 'there is no journal on this machine; is systemd-journald running?'
        : `there is no journal in ${directory} (journal.directory); it must contain files NAME.journal that the daemon's user can read, as /var/log/journal/MACHINE-ID does`,
    );
  if (/not seeing messages from other users|insufficient permissions/.test(stderr))
    throw new Error(
      `permission denied to read ${directory ?? 'the journal of this machine'}: the daemon's user must be in the group systemd-journal; for the service, set SupplementaryGroups=systemd-journal in a drop-in, see sources.conf.example`,
    );
  const failure = exit && failureOf(exit);
  const why = exit && 'code' in exit ? tellingLine(stderr) : '';
  if (failure !== undefined) throw new Error(`journalctl ${failure}${why}`);
}
