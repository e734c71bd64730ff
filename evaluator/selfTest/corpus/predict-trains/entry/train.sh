cp "$HAET_TRAIN_DIR/images.npy" "$HAET_TRAIN_DIR/labels.npy" "$HAET_OUT_DIR"
