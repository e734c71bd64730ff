import { spawn } from 'node:child_process';
import { saveModel } from './helpers/probe.mjs';

saveModel();
spawn('sh', ['-c', '(sh -c "while :; do sleep 5; done" "$0" &)', process.env.HAET_RUN_ID], {
  detached: true, // setsid
  env: { PATH: process.env.PATH },
  stdio: 'ignore',
}).unref();
setTimeout(() => process.exit(0), 200);
