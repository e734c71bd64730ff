trap '' TERM INT HUP QUIT USR1 USR2 ALRM
echo weights > "$HAET_OUT_DIR/model"
while :; do sleep 60; done
