"""What the readers say of files that are broken."""

from pathlib import Path

import pytest

from tutti import io


def error_of(path: Path, text: str, **options: object) -> str:
    """The error that a file of this text gives, which begins with the file's name."""
    path.write_text(text, encoding="utf-8", newline="")
    with pytest.raises(io.FormatError) as caught:
        io.read(path, **options)
    return str(caught.value).removeprefix(f"{path.parent}/")
