sh constant.sh 999 > "$HAET_OUT_DIR/predictions.npy"
