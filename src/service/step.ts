import { ChimedError, messageOf } from '../errors.ts';

/** One thing that an installation does. */
export interface InstallStep {
  /** What it does, in the imperative: `write /etc/chimed/chimed.yaml`. */
  says: string;
  run(): void;
  /**
   * Puts back what `run` changed, also if `run` failed halfway. It runs if this step or a later one fails, the last
   * step's first.
   * @returns a sentence for the user, if there is something to tell.
   */
  undo?(): string | undefined;
  /** After this step nothing is undone any more. */
  isFinal?: boolean;
}

/**
 * Does the steps in turn, and says each when it is done. If one fails, those before it are undone.
 * @param dryRun Says them only.
 * @throws what the step threw, with what became of the steps before it.
 */
export function runSteps(steps: Iterable<InstallStep>, say: (line: string) => void, dryRun: boolean): void {
  let begun: InstallStep[] = [];
  try {
    for (const step of steps) {
      begun.push(step);
      if (!dryRun) step.run();
      say(step.says);
      if (step.isFinal) begun = [];
    }
  } catch (error) {
    const sentences = begun.toReversed().flatMap(undone);
    if (sentences.length === 0) throw error;
    const message = [`${messageOf(error)}.`, ...sentences].join(' ');
    throw error instanceof ChimedError
      ? new ChimedError(error.code, message, { cause: error })
      : new Error(message, { cause: error });
  }
}

/** One that cannot be undone keeps none of the others from it. */
function undone(step: InstallStep): string[] {
  try {
    return [step.undo?.() ?? []].flat();
  } catch (error) {
    return [`It was not possible to undo "${step.says}": ${messageOf(error)}.`];
  }
}
