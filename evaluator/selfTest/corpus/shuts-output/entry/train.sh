# Who may read it all the same differs with the user that the evaluator runs as: any verdict but a fault of ours is right.
echo weights > "$HAET_OUT_DIR/model"
chmod 000 "$HAET_OUT_DIR/model" "$HAET_OUT_DIR"
