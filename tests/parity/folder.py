"""The folder of a case, for the files that it sends and receives."""

import pathlib
import tempfile


class Folder:
    """A folder with the files of a case. Use it as a context manager."""

    def __init__(self, case):
        self._files = case.get("files", {})
        self._made = tempfile.TemporaryDirectory(prefix="shotgrid-parity-")
        self._path = pathlib.Path(self._made.name)

    def __enter__(self):
        for name, content in self._files.items():
            # A number is a size: so many bytes of nothing.
            if isinstance(content, int):
                with open(self._path / name, "wb") as file:
                    file.truncate(content)
            else:
                (self._path / name).write_text(content, "utf-8")
        return self

    def __exit__(self, *_):
        self._made.cleanup()

    def placed(self, value):
        """The value with `$folder` in its texts replaced by the folder's path."""
        return _replaced(value, "$folder", str(self._path))

    def displaced(self, value):
        """The value with the folder's path in its texts replaced by `$folder`."""
        return _replaced(value, str(self._path), "$folder")

    def content(self):
        """What the folder holds, by name. Of large files only the size."""
        return {
            path.name: path.stat().st_size if path.stat().st_size > 1000 else path.read_text("utf-8")
            for path in sorted(self._path.iterdir())
        }


def _replaced(value, old, new):
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    if isinstance(value, dict):
        return {key: _replaced(each, old, new) for key, each in value.items()}
    return value
