if [ -n "$(ls -A "$HAET_WORK_DIR")" ]; then echo "the scratch folder was not empty" > "$HAET_OUT_DIR/escaped"; fi
sh constant.sh > "$HAET_OUT_DIR/predictions.npy"
