sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
exec node predict.mjs
