sh constant.sh 1000 '>f4' '\077\200\000\000' > "$HAET_OUT_DIR/predictions.npy"
