// Writes each fixture as the output directory of a job: node write_fixtures.mjs DIRECTORY

import {mkdirSync, writeFileSync} from 'node:fs';
import path from 'node:path';

import {fixtures} from './fixtures.mjs';

for (const [name, make] of Object.entries(fixtures)) {
  const folder = path.join(process.argv[2], name);
  const {job, timings} = make();
  mkdirSync(folder, {recursive: true});
  writeFileSync(path.join(folder, 'cv.json'), JSON.stringify(job));
  // A job that had no time to write timings.json has a report too.
  if (Object.keys(timings).length > 0)
    writeFileSync(path.join(folder, 'timings.json'), JSON.stringify(timings));
}
