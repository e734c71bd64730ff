zero='\000\000\000\000\000\000\000\000'
sh constant.sh 1000 '<i8' '\001\000\000\000\000\000\000\000' "$zero" > "$HAET_OUT_DIR/predictions.npy"
