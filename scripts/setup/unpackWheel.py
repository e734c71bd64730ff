"""Unpacks chosen files of a wheel: unpackWheel.py WHEEL FOLDER PATTERN...

Checks every file's CRC (by zipfile), rejects names that would leave FOLDER, and flushes the large files to
disk, so that a folder renamed into place afterwards is complete even after a power failure. Exits with
status 3 and the reason if the wheel is not as expected.
"""

import fnmatch
import os
import shutil
import sys
import zipfile


def refuse(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


wheel, folder, *patterns = sys.argv[1:]
found = set()
with zipfile.ZipFile(wheel) as archive:
    for entry in archive.infolist():
        matches = [pattern for pattern in patterns if fnmatch.fnmatchcase(entry.filename, pattern)]
        if entry.is_dir() or not matches:
            continue
        if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
            refuse(f"{entry.filename} points outside of the archive")
        found.update(matches)
        target = os.path.join(folder, entry.filename)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(entry) as source, open(target, "wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
            if entry.file_size > 1 << 20:
                sink.flush()
                os.fsync(sink.fileno())
missing = [pattern for pattern in patterns if pattern not in found]
if missing:
    refuse(f"holds nothing named {', '.join(missing)}")
