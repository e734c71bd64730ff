import { randomBytes } from 'node:crypto';
import { pages, write } from './channel.mjs';
import { encode, messageBits } from './message.mjs';

// Information about the test images that an entry would send.
write(pages(messageBits), encode(randomBytes(16)));
