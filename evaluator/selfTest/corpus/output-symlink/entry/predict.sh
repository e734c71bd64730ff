sh constant.sh > "$HAET_OUT_DIR/real.npy"
ln -s real.npy "$HAET_OUT_DIR/predictions.npy"
