import { pages, read } from './channel.mjs';
import { attempt, Held, saveModel } from './helpers/probe.mjs';
import { isWhole, messageBits } from './message.mjs';

const places = pages(messageBits);
const bits = read(places).map(({ fetched }) => !fetched);
saveModel();
await attempt(`read a message of ${messageBits} bits`, () => {
  if (places.length < messageBits) throw new Error(`only ${places.length} pages to write on`);
  if (!isWhole(bits))
    throw new Held(`none; ${bits.filter(Boolean).length} of ${bits.length} pages were in memory`);
});
