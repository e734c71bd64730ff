sleep 60
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
