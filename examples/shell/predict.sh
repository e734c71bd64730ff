# Writes predictions.npy: float32 [images, classes], in every row 1 for the most common label and 0 for the others.
read -r commonest classes < "$HAET_MODEL_DIR/model.txt"
images=$(head -c 128 "$HAET_TEST_IMAGES" | LC_ALL=C tr -cd '[:print:]' | sed "s/.*'shape': *(\([0-9]*\).*/\1/")
row=$(for label in $(seq 0 $((classes - 1))); do
  if [ "$label" = "$commonest" ]; then printf '\\0000\\0000\\0200\\0077'; else printf '\\0000\\0000\\0000\\0000'; fi
done)
{
  printf '\223NUMPY\001\000\166\000' # magic, version 1.0, 118 bytes of header
  printf '%-117s\n' "{'descr': '<f4', 'fortran_order': False, 'shape': ($images, $classes), }"
  yes | head -n "$images" | while read -r _; do printf '%b' "$row"; done
} > "$HAET_OUT_DIR/predictions.npy"
