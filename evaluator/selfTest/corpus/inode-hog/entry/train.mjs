import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { note, outFolder } from './helpers/probe.mjs';

const folders = 200;
const each = 1000;
for (let folder = 0; folder < folders; folder++) {
  const path = join(outFolder, `d${folder}`);
  mkdirSync(path); // throws when there is no inode left
  for (let file = 0; file < each; file++) closeSync(openSync(join(path, `f${file}`), 'w'));
}
note('escaped', `made ${folders * each} files`);
