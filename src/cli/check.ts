import { Command } from 'commander';

interface Options {
  print?: boolean;
}

/** `chimed check`: says what is wrong with a configuration. Its modules are loaded, and nothing else is started. */
export function checkCommand(): Command {
  return new Command('check')
    .description('check a configuration: every mistake, with its place and what was expected')
    .argument('[file]', 'configuration (default: the one that serve would use)')
    .option('--print', 'print the configuration with all defaults filled in; durations in ms, sizes in bytes')
    .addHelpText('after', '\nExamples:\n  chimed check\n  chimed check ./chimed.yaml --print')
    .action(check);
}

async function check(file: string | undefined, { print }: Options): Promise<void> {
  const { findConfig, loadConfig } = await import('../config/load.ts');
  const loaded = loadConfig(findConfig(file));
  await (await import('../daemon/topic-parts.ts')).loadModules(loaded);
  const { socketKeys: _, ...config } = loaded;
  const { mode } = config.socket;
  const readable = { ...config, socket: { ...config.socket, mode: `0${mode.toString(8)}` } };
  if (print) process.stdout.write((await import('js-yaml')).dump(readable));
  else process.stdout.write(`${config.file}: ${config.topics.length} topics, no mistakes\n`);
}
