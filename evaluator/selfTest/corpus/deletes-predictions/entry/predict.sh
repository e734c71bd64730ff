sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
rm "$HAET_OUT_DIR/predictions.npy"
