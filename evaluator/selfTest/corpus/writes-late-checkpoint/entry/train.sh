echo weights > "$HAET_OUT_DIR/model"
(
  trap '' TERM HUP
  sleep 4
  echo better > "$HAET_OUT_DIR/model"
) &
sleep 60
