/** How hard the images are. A change here needs another `syntheticVersion`. */
export const hardness = {
  forms: 6, //           of each sign; form k, counted from 1, is drawn with a probability in proportion to 1 / k
  changedPercent: 42, // of the parts of the first form that another form has otherwise
  lighterPercent: 85, // of the signs are lighter than the ground, where there is room for it
  mirroredPercent: 25, // of the signs
  contrast: 80, //       sum over the channels of the difference between sign and ground, at least
  smallest: 9, //        half of the height of a sign, pixels
  largest: 12.5,
  shift: 2.5, //         of the middle of a sign from the middle of the image, pixels, either way
  turn: 0.22, //         tangent of half the angle by which a sign is turned, either way: 25 degrees
  shear: 0.2, //         either way
  bend: 1.2, //          pixels by which points of a sign are moved, at most
  clutter: 5, //         parts of other signs behind a sign, 2 at least
  hiding: 2, //          and before it, at most
} as const;
