sh constant.sh | head -c 20000 > "$HAET_OUT_DIR/predictions.npy"
