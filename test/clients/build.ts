import { languages, run, whyNotTried } from './languages.ts';

/** vitest's global set-up: builds each client once, before any test. */
export default function build(): void {
  for (const language of languages) {
    const why = whyNotTried(language);
    if (why !== undefined) process.stderr.write(`\nSKIPPED: the client in ${language.name}: ${why}\n\n`);
    else if (language.build !== undefined) run(language, language.build);
  }
}
