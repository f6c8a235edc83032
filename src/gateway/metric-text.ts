/**
 * `openmetrics` is OpenMetrics 1.0. `text` is the older Prometheus text format 0.0.4, which promtool and node_exporter's
 * textfile collector read: it names a counter as its samples, in `_total`, where OpenMetrics omits that; and has no units.
 */
export type MetricFormat = 'openmetrics' | 'text';

export const contentTypes: Readonly<Record<MetricFormat, string>> = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  text: 'text/plain; version=0.0.4; charset=utf-8',
};

/** The format for an HTTP client, by its `Accept`: OpenMetrics is only for those that name it. */
export function metricFormatFor(accept: string | undefined): MetricFormat {
  return accept?.includes('application/openmetrics-text') ? 'openmetrics' : 'text';
}

/** What a family begins with. */
export interface FamilyHead {
  name: string;
  type: 'gauge' | 'counter' | 'histogram';
  help: string;
}

/** Text of metrics as it is written, family by family. */
export class MetricText {
  readonly #format: MetricFormat;
  #text = '';
  #head = '';

  constructor(format: MetricFormat) {
    this.#format = format;
  }

  /** Begins a family; one without samples is not written. */
  family({ name, type, help }: FamilyHead): void {
    const isOpen = this.#format === 'openmetrics';
    const family = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name;
    const unit = isOpen ? unitOf(name) : undefined;
    this.#head =
      `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n` + (unit ? `# UNIT ${family} ${unit}\n` : '');
  }

  /** @param labels As `labelsOf` gives them. */
  sample(name: string, labels: string, value: number): void {
    this.#text += `${this.#head}${name}${labels} ${numeral(value)}\n`;
    this.#head = '';
  }

  /** In the older format, the last line is a comment. */
  end(): string {
    return `${this.#text}# EOF\n`;
  }
}

/** `{topic="host.load",key="0"}`. */
export function labelsOf(all: Readonly<Record<string, string>>): string {
  return `{${Object.entries(all)
    .map(([name, text]) => `${name}="${escaped(text)}"`)
    .join(',')}}`;
}

/** The unit that a name has at its end. */
function unitOf(name: string): string | undefined {
  return /_(seconds|bytes)(?:_total)?$/.exec(name)?.[1];
}

function escaped(text: string): string {
  return text
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll('\n', String.raw`\n`);
}

function numeral(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
}
