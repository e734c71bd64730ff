# Whether the evaluator can still read it depends on its user: any verdict except INFRA_FAULT is right.
echo weights > "$HAET_OUT_DIR/model"
chmod 000 "$HAET_OUT_DIR/model" "$HAET_OUT_DIR"
