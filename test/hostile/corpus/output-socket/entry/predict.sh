exec node predict.mjs
