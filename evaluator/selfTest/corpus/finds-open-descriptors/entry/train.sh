# 0 to 3 are those of the contract; the shell reads this script through 10 or 255. /dev/null is harmless.
echo weights > "$HAET_OUT_DIR/model"
(ls -l "/proc/$$/fd" > "$HAET_WORK_DIR/open") # in another process, because the shell itself would open more
while read -r _ _ _ _ _ _ _ _ fd _ target; do
  case "$fd $target" in
    ' ') ;; # the heading
    [0-3]' '* | 10' '* | 255' '* | *' /dev/null') echo "$fd is $target" >> "$HAET_OUT_DIR/tried" ;;
    *) echo "$fd is open: $target" >> "$HAET_OUT_DIR/escaped" ;;
  esac
done < "$HAET_WORK_DIR/open"
