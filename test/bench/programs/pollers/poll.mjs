/** Runs a command every second and prints what it says. Usage: poll.mjs COMMAND... */
import { execFile } from 'node:child_process';

const [file, ...args] = process.argv.slice(2);
poll();
setInterval(poll, 1000);

function poll() {
  execFile(file, args, (error, stdout) => {
    if (error) throw error;
    process.stdout.write(stdout);
  });
}
