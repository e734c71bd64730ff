echo weights > "$HAET_OUT_DIR/model"
# shellcheck disable=SC2115 # deleting everything is the attack
rm -rf "$HAET_OUT_DIR"/* "$HAET_OUT_DIR" 2> /dev/null
exit 0
