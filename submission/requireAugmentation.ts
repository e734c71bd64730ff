import type { Settings } from './settings.ts';

/** @throws Error if a setting of the distortion is none of its values */
export function requireAugmentation({
  distortMethod,
  trivialStrength,
}: Pick<Settings, 'distortMethod' | 'trivialStrength'>): void {
  if (distortMethod !== 'affine' && distortMethod !== 'trivial')
    throw new Error(`--set distortMethod=${distortMethod}: must be affine or trivial.`);
  if (trivialStrength < 0 || trivialStrength > 2)
    throw new Error(`--set trivialStrength=${trivialStrength}: must be from 0 to 2.`);
}
