zero='\000\000\000\000\000\000\000\000'
sh constant.sh 1000 '<f8' '\000\000\000\000\000\000\360\077' "$zero" > "$HAET_OUT_DIR/predictions.npy"
