/** Names of a folder with training images: `train`, `Training`, `train_images`, `seg_train`, `train2017`, `trainset`. */
const training = /(^|[^a-z])(train|training)(set|data)?([^a-z]|$)/i;
/** Names of a folder with held-out images. The first that a source has is taken. */
const heldOut = [
  /(^|[^a-z])(test|testing)(set|data)?([^a-z]|$)/i,
  /(^|[^a-z])(val|valid|validation)(set|data)?([^a-z]|$)/i,
];
/** Names that say what lies in a folder, not what the images show. */
const structural =
  /^(images?|imgs?|jpegimages|pictures?|photos?|masks?|labels?|annotations?|imagesets|segmentation.*)[ _-]?\d*$/i;

export const isTraining = (name: string): boolean => training.test(name);
export const isHeldOut = (name: string): boolean => heldOut.some((names) => names.test(name));
export const isStructural = (name: string): boolean => structural.test(name);

/** Sorts folders of held-out images, `test` before `val`. */
export const byPreference = (a: { readonly name: string }, b: { readonly name: string }): number =>
  rank(a.name) - rank(b.name);
const rank = (name: string): number => heldOut.findIndex((names) => names.test(name));
