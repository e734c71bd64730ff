node leave.mjs || exit 1
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
