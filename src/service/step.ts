/** One thing that an installation does. */
export interface Step {
  /** What it does, in the imperative: `write /etc/chimed/chimed.yaml`. */
  says: string;
  run(): void;
}

/**
 * Does the steps in turn, and says each when it is done.
 * @param dryRun Says them only.
 */
export function runSteps(steps: Iterable<Step>, say: (line: string) => void, dryRun: boolean): void {
  for (const { says, run } of steps) {
    if (!dryRun) run();
    say(says);
  }
}
