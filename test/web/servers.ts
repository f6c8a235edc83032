import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { temporaryFolder } from '../helpers/folder.ts';
import { Program, root } from '../helpers/program.ts';

/** A server of Prometheus's that listens on a loopback port of its own choice. */
export interface MonitoringServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`. */
  url: string;
}

interface Target {
  host: string;
  port: number;
}

/** A real Prometheus with the shipped alerts, which collects from a gateway each second. */
export async function startPrometheus({ host, port }: Target, token: string): Promise<MonitoringServer> {
  const folder = temporaryFolder();
  const config = {
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: [join(root, 'monitoring/alerts.yaml')],
    scrape_configs: [
      {
        job_name: 'chimed',
        authorization: { credentials: token },
        static_configs: [{ targets: [`${host}:${port}`] }],
      },
    ],
  };
  writeFileSync(folder.file('prometheus.yml'), JSON.stringify(config)); // JSON is YAML.
  const args = [
    `--config.file=${folder.file('prometheus.yml')}`,
    `--storage.tsdb.path=${folder.file('data')}`,
  ];
  return await start('prometheus', args, folder);
}

/** A real node_exporter that only reads the files of a directory. */
export async function startNodeExporter(directory: string): Promise<MonitoringServer> {
  const collector = ['--collector.textfile', `--collector.textfile.directory=${directory}`];
  return await start('prometheus-node-exporter', ['--collector.disable-defaults', ...collector]);
}

async function start(name: string, args: string[], folder?: Disposable): Promise<MonitoringServer> {
  const program = new Program([...args, '--web.listen-address=127.0.0.1:0'], {}, root, name);
  const end = async (): Promise<void> => {
    await program[Symbol.asyncDispose]();
    folder?.[Symbol.dispose]();
  };
  try {
    const line = await program.stderr.find((item) => item.includes('msg="Listening on"'));
    return { url: `http://${/ address=(\S+)/.exec(line)![1]}`, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
