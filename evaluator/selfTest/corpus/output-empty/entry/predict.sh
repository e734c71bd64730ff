: > "$HAET_OUT_DIR/predictions.npy"
