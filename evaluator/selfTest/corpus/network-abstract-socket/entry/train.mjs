import { connect } from 'node:net';
import { attempt, greet, hints, saveModel } from './helpers/probe.mjs';

saveModel();
await attempt(`connect to @${hints.abstractSocket}`, () => greet(connect(`\0${hints.abstractSocket}`)));
