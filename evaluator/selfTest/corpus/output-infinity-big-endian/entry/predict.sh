zero='\000\000\000\000\000\000\000\000'
sh constant.sh 1000 '>f8' '\177\360\000\000\000\000\000\000' "$zero" > "$HAET_OUT_DIR/predictions.npy"
