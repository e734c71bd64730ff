import { note } from './helpers/probe.mjs';

const block = 32 * 2 ** 20;
const blocks = [];
while (blocks.length * block < 3 * Number(process.env.HAET_MEMORY_BYTES)) {
  blocks.push(Buffer.alloc(block, 1)); // written, so that it is really allocated
}
note('escaped', `took ${blocks.length * block} bytes of memory`);
