import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

import { PACKAGE, unitNames } from '../../src/service/layout.ts';
import { PACKAGED, withPackagedPaths } from '../../src/service/packaged.ts';
import { version } from '../../src/protocol/version.ts';

/** Lays out debian/, with what it takes from elsewhere in the project. @param epoch The time of the package. */
export function layDebian(to: string, epoch: number): void {
  cpSync(join(PACKAGE, 'debian'), to, {
    recursive: true,
    filter: (path) => relative(PACKAGE, path) !== 'debian/node',
  });
  const place = (name: string, text: string): void => writeFileSync(join(to, name), text);
  const maintainer = maintainerOf(process.env);
  place('control', read('debian/control').replace('@MAINTAINER@', maintainer));
  place('changelog', changelog(maintainer, epoch));
  place('copyright', copyright());
  for (const unit of unitNames) place(unit, withPackagedPaths(read(`systemd/${unit}`)));
  place('chimed.sysusers', read('systemd/chimed.sysusers'));
}

/** As all of Debian's tools have it; without either, a place that is marked. */
function maintainerOf({ DEBFULLNAME = 'The publisher of chimed', DEBEMAIL }: NodeJS.ProcessEnv): string {
  return `${DEBFULLNAME} <${DEBEMAIL ?? 'publisher@chimed.invalid'}>`;
}

function changelog(maintainer: string, epoch: number): string {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `chimed (${version()}) stable; urgency=medium

  * What has changed is in ${PACKAGED}/CHANGELOG.md.

 -- ${maintainer}  ${date}
`;
}

/** Debian has the text of the Apache License once for all packages; whose copyright it is stays here. */
const APACHE = / *Apache License\n[^]*?END OF TERMS AND CONDITIONS[^]*?(?=\n-{80}\n|$)/g;

function withoutApache(text: string): string {
  const owners = text.match(/^ *Copyright (?!\[|\{).*$/gm)?.map((line) => line.trim()) ?? [];
  return ['Apache License, Version 2.0: see /usr/share/common-licenses/Apache-2.0', ...owners, ''].join('\n');
}

function copyright(): string {
  const bundled = read('dist/licences.txt').trim().replace(APACHE, withoutApache);
  return [
    `chimed\n\n${read('LICENSE').trim()}`,
    `${PACKAGED}/bin/node is Node.js. Its licence, and those of its parts, are in
/usr/share/doc/chimed/node-licence.txt.gz.`,
    `${PACKAGED}/node_modules has koffi:\n\n${read('node_modules/koffi/LICENSE.txt').trim()}`,
    `${PACKAGED}/dist has parts of the packages below. On Debian systems, the whole text of the Apache License 2.0 is
in /usr/share/common-licenses/Apache-2.0.\n\n${bundled}\n`,
  ].join(`\n\n${'='.repeat(80)}\n\n`);
}

function read(path: string): string {
  return readFileSync(join(PACKAGE, path), 'utf8');
}
