sh constant.sh 1000 '<f4' '\000\000\300\177' > "$HAET_OUT_DIR/predictions.npy"
