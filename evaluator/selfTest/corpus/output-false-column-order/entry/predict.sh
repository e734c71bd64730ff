sh constant.sh | sed "1s/'fortran_order': False/'fortran_order': True /" > "$HAET_OUT_DIR/predictions.npy"
