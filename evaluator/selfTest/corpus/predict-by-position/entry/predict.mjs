import { onTop, writePredictions } from './helpers/predictions.mjs';

writePredictions(Array.from({ length: 1000 }, (_, row) => onTop(row % 10)));
