import { Option } from 'commander';

import { logFormats, logLevels } from '../config/formats.ts';

/** The configuration file of a program that runs until a signal ends it. */
export function configOption(): Option {
  return new Option(
    '-c, --config <file>',
    'configuration file (default: $CHIMED_CONFIG, then /etc/chimed/chimed.yaml, then the packaged one)',
  );
}

/** How such a program logs. */
export function logLevelOption(): Option {
  return new Option('--log-level <level>', 'lowest level that is logged').choices(logLevels);
}

export function logFormatOption(): Option {
  return new Option('--log-format <format>', 'format of log lines').choices(logFormats);
}
