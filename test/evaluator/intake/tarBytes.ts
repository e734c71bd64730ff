export { type Member, tarBytes } from '../../../evaluator/selfTest/tarBytes.ts';
