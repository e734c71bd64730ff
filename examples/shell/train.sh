# Finds the most common label and the number of classes. labels.npy: a header, then one byte per image.
header=$(head -c 128 "$HAET_TRAIN_DIR/labels.npy" | LC_ALL=C tr -cd '[:print:]')
images=$(echo "$header" | sed "s/.*'shape': *(\([0-9]*\).*/\1/")
labels() { tail -c "$images" "$HAET_TRAIN_DIR/labels.npy" | od -An -v -tu1 -w1; }
commonest=$(labels | sort -n | uniq -c | sort -rn | head -n 1 | sed 's/.* //')
highest=$(labels | sort -n | tail -n 1)
echo "$((commonest + 0)) $((highest + 1))" > "$HAET_OUT_DIR/model.txt"
echo '{"step": 1, "epoch": 1}' >&3
