import { chmodSync, chownSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

import { connect } from '../../src/index.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { Program, root } from '../helpers/program.ts';
import { whyNot } from './machine.ts';
import { saw } from './seen.ts';

interface Stage {
  name: string | undefined;
  steps: [instruction: string, argument: string][];
}

/** The stages of a file whose steps have one line each. */
function stagesOf(file: string): Stage[] {
  const stages: Stage[] = [];
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, instruction, argument] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (instruction === 'FROM') stages.push({ name: / AS (\w+)$/.exec(argument!)?.[1], steps: [] });
    else if (instruction) stages.at(-1)!.steps.push([instruction, argument!]);
    else expect(line, 'a comment, or an empty line').toMatch(/^(#|$)/);
  }
  return stages;
}

/** There is no builder here: does the steps in overlays of this machine's files, with the development's Node. $1 is empty. */
const prepare = `
  mount -t tmpfs -o mode=0755 tmpfs "$1"
  for stage in build run; do
    mkdir -p "$1/$stage/upper" "$1/$stage/work" "$1/$stage/root"
    mount -t overlay overlay -o "lowerdir=/,upperdir=$1/$stage/upper,workdir=$1/$stage/work" "$1/$stage/root"
    install -D "$2" "$1/$stage/root/usr/local/bin/node"
    rm -f "$1/$stage/root/usr/local/bin/chimed"
    rm -rf "$1/$stage/root/usr/local/lib/chimed" "$1/$stage/root/usr/lib/chimed" "$1/$stage/root/etc/chimed"
    mount -t proc proc "$1/$stage/root/proc"
    mount --rbind /dev "$1/$stage/root/dev"
  done`;

test.skipIf(whyNot())(
  'the steps of the Containerfile make a daemon that programs outside reach by the directory of its socket',
  async () => {
    using folder = temporaryFolder();
    using shared = temporaryFolder();
    const [build, run, ...others] = stagesOf(join(root, 'Containerfile'));
    expect(others).toEqual([]);
    expect(build!.name).toBe('build');
    const script = ['set -eu', `set -- '${folder.path}' '${process.execPath}'`, prepare];
    let user = 'root';
    let argv: string[] = [];
    for (const [stage, { steps }] of [['build', build!] as const, ['run', run!] as const]) {
      const rootOf = `"$1/${stage}/root"`;
      let directory = '/';
      const environment: string[] = [];
      for (const [instruction, argument] of steps) {
        const words = argument.split(' ');
        if (instruction === 'WORKDIR') {
          directory = argument;
          script.push(`mkdir -p ${rootOf}${directory}`);
        } else if (instruction === 'ENV') environment.push(argument);
        else if (instruction === 'USER') user = argument;
        else if (instruction === 'RUN') {
          const step = `cd ${directory} && ${environment.join(' ')} ${argument}`;
          script.push(`chroot ${rootOf} /bin/sh -c '${step}' >&2`);
        } else if (instruction === 'COPY') script.push(copy(words, rootOf, directory));
        else if (instruction === 'CMD') argv = JSON.parse(argument) as string[];
        else throw new Error(`this test cannot do ${instruction}`);
      }
      if (stage === 'run') {
        // As a builder's own, the process is pid 1 and has nothing but the mounted directory in common with the outside.
        script.push(
          `mount --bind '${shared.path}' ${rootOf}/run/chimed`,
          `exec unshare --pid --fork --kill-child --net --mount-proc="$1/run/root/proc" chroot --userspec=${user}:${user} ${rootOf} ` +
            `/usr/bin/env -i PATH=/usr/local/bin:/usr/bin:/bin ${environment.join(' ')} ${argv.join(' ')} --log-format json`,
        );
      }
    }
    chmodSync(shared.path, 0o755);
    chownSync(shared.path, 900, 900);
    const started = performance.now();
    const args = ['--mount', '--propagation', 'private', 'sh', '-c', script.join('\n')];
    await using container = new Program(args, {}, root, 'unshare');
    const line = await container.stdout.find((text) => text.includes('"msg":"listening"'));
    saw(
      'Containerfile: from its first step to the daemon',
      `${Math.round((performance.now() - started) / 1000)} s`,
    );
    const children = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, 'utf8');
    const daemon = Number(children.split(' ')[0]);
    try {
      expect(JSON.parse(line)).toMatchObject({ pid: 1 });
      await using client = connect({ socket: shared.file('chimed.sock'), retry: false });
      for await (const { data } of client.listen('message')) {
        expect(data).toBe('hello client');
        break;
      }
      expect(statSync(shared.file('chimed.sock')).uid).toBe(900);
    } finally {
      // As a runtime stops it. The kernel does not end it with its parent, since it has changed its user.
      process.kill(daemon, 'SIGTERM');
      expect(await container.ended).toBe(0);
    }
  },
  540_000,
);

/** A COPY step as commands; the context is what git would put into a checkout. */
function copy(words: readonly string[], rootOf: string, directory: string): string {
  const from = words[0]!.startsWith('--from=') ? words[0]!.slice('--from='.length) : undefined;
  const paths = from ? words.slice(1) : words;
  const target = paths.at(-1)!;
  const to = `${rootOf}${target.startsWith('/') ? target : join(directory, target)}`;
  if (paths[0] === '.') {
    const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter(Boolean);
    const excludes = ignored.map((name) => `--exclude='./${name}'`).join(' ');
    return `mkdir -p ${to} && tar -C '${root}' -c ${excludes} . | tar -C ${to} --no-same-owner -x`;
  }
  return paths
    .slice(0, -1)
    .map((path) => {
      const source = from ? `"$1/${from}/root"${path}` : `'${join(root, path)}'`;
      return `mkdir -p "$(dirname ${to})" && if [ -d ${source} ]; then mkdir -p ${to} && cp -R ${source}/. ${to}; else cp ${source} ${to}; fi`;
    })
    .join('\n');
}
