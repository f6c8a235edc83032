import { readFileSync } from 'node:fs';

import type { Format } from '../../src/config/format.ts';
import { formats } from '../../src/config/formats.ts';
import { settingsSchema, topicSchema } from '../../src/config/schema.ts';
import type { Key } from '../../src/config/schema.ts';
import { fromInline } from './markdown.ts';
import { argument, list, paragraphs, section, subsection, verbatim } from './mdoc.ts';
import type { Page } from './mdoc.ts';
import { configFiles, settingVariables } from './places.ts';

/** chimed.yaml(5), of the schema. @param example Path of a configuration. */
export function configurationPage(example: string): Page {
  return {
    name: 'chimed.yaml',
    section: 5,
    about: 'configuration of chimed',
    body: [
      ...section(
        'Description',
        paragraphs([
          fromInline(
            'The configuration is a mapping in YAML. `topics` maps the name of each topic to its keys; the other keys at the top are settings of the daemon. Keys at the top that begin with `x-` are ignored: they can hold anchors to merge into topics.',
          ),
          fromInline(
            'An unknown key or a value that is not as expected is a mistake. `chimed check` names every mistake with its line, and `chimed reload` loads the file again; a file with mistakes changes nothing. Files `conf.d/*.yaml` and `conf.d/*.yml` beside the configuration add topics. Relative paths start from the directory of the configuration.',
          ),
        ]),
      ),
      ...section('Topics', [
        ...fromInline(
          'A topic has one source and one schedule, `interval` or `cron`. A topic with `publish` needs no schedule. The keys of a topic are as follows:',
        ),
        ...keys(topicSchema),
      ]),
      ...section(
        'Settings',
        Object.entries(settingsSchema).flatMap(([part, all]) => subsection(part, keys(all))),
      ),
      ...section(
        'Environment',
        list(settingVariables().map(([name, meaning]) => [`Ev ${argument(name)}`, meaning])),
      ),
      ...section('Files', list(configFiles.map(([path, meaning]) => [`Pa ${argument(path)}`, meaning]))),
      ...section('Examples', verbatim(readFileSync(example, 'utf8').trimEnd())),
    ],
    seeAlso: ['chimed', 'chimed-check', 'chimed-reload', 'chimed-serve'].map((name) => ({
      name,
      section: 1,
    })),
  };
}

function keys(all: Readonly<Record<string, Key>>): string[] {
  return list(
    Object.entries(all).map(([name, { doc, format, default: value }]) => {
      const { expected }: Format = formats[format];
      const rest = `Expected: ${expected}.${value === null ? '' : ` Default: \`${value}\`.`}`;
      return [`Cm ${argument(name)}`, paragraphs([fromInline(doc), fromInline(rest)])];
    }),
  );
}
