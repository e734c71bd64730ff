exec node train.mjs
