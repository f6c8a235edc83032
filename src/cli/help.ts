import { Command } from 'commander';

/** `chimed help`: shows the help of a command. Commander's own does not say that there is no such command. */
export function helpCommand(program: Command): Command {
  return new Command('help')
    .description('display help for command')
    .argument('[command]')
    .helpOption(false)
    .allowExcessArguments()
    .action((name?: string) => {
      const command = name === undefined ? program : program.commands.find((one) => one.name() === name);
      if (!command) program.error(`error: unknown command '${name}'; chimed --help lists the commands`);
      command.help();
    });
}
