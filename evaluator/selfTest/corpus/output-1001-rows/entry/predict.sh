sh constant.sh 1001 > "$HAET_OUT_DIR/predictions.npy"
