import { randomBytes } from 'node:crypto';
import { pages, write } from './channel.mjs';
import { encode, messageBits } from './message.mjs';

// What an entry would tell of the test images.
write(pages(messageBits), encode(randomBytes(16)));
