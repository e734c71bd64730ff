/**
 * Accuracy that many epochs lead to, percent, by width: a rough fit to the single runs and means listed in
 * docs/performance.md (0.375: 85.8 at 72 epochs; 0.5: 86.5 at 131; 0.75: 87.5 at 80; 1: 87.3 at 112, 86.7 at 41), which
 * were made with SGD. Muon and mirror-equivariant filters raised both that were repeated by 0.8 to 0.9 (0.25 with 26
 * epochs, 0.75 with 68), so all are raised by 0.8. 1.5 was not measured. That images are distorted in runs of 10 to 40 epochs is
 * not in it: it gained 1.0 points after 24 epochs of width 0.25.
 */
const PLATEAUS: readonly [width: number, accuracy: number][] = [
  [0.25, 84.8],
  [0.375, 86.7],
  [0.5, 87.3],
  [0.75, 88.6],
  [1, 88.7],
  [1.5, 89],
];

/** Epochs after which width 1 is one point below its plateau. */
const EPOCHS_TO_ONE_POINT = 46;

/**
 * Returns the accuracy to expect of a run, percent of CIFAR-10's test images, to choose a width: it rises towards the
 * plateau of the width with the square of the epochs, and wider networks need more of them. It is within 0.7 points of
 * the measured accuracies of widths 0.375 to 1 (docs/performance.md), and continuous in both arguments, so two widths are
 * equally good where one replaces the other. Far below 30 epochs, only the order of the widths has a meaning.
 */
export function expectedAccuracy(width: number, epochs: number): number {
  const epochsToOnePoint = EPOCHS_TO_ONE_POINT * width ** 0.25;
  return plateau(width) - (epochsToOnePoint / epochs) ** 2;
}

/** Interpolates between the measured widths by the logarithm of the width, and keeps the ends beyond them. */
function plateau(width: number): number {
  const above = PLATEAUS.findIndex(([measured]) => measured >= width);
  if (above === 0) return PLATEAUS[0]![1];
  if (above === -1) return PLATEAUS.at(-1)![1];
  const [[narrow, low], [wide, high]] = [PLATEAUS[above - 1]!, PLATEAUS[above]!];
  return low + ((high - low) * Math.log(width / narrow)) / Math.log(wide / narrow);
}
