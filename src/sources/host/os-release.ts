/** The system, as os-release(5) names it. */
export interface Release {
  /** For programs, such as `debian`. */
  id: string | null;
  /** For people, such as `Debian GNU/Linux`. */
  name: string | null;
  /** Such as `12`; null for a system without versions. */
  version: string | null;
}

/** Parses /etc/os-release, whose values are quoted as in a shell. */
export function parseRelease(text: string): Release {
  const fields = new Map(
    [...text.matchAll(/^([A-Z_0-9]+)=(.*)$/gm)].map(([, name, value]) => [name!, unquoted(value!.trim())]),
  );
  const field = (name: string): string | null => fields.get(name) ?? null;
  return { id: field('ID'), name: field('NAME'), version: field('VERSION_ID') };
}

function unquoted(value: string): string {
  const [, single, double] = /^(?:'(.*)'|"(.*)")$/.exec(value) ?? [];
  return single ?? (double ?? value).replace(/\\(["$`\\])/g, '$1');
}
