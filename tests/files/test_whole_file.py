"""What files are written as, and in whose place."""

import os
import stat
import threading
from pathlib import Path

import pytest

from files import whole_file
from files.whole_file import check_outputs, write_together, write_whole


def test_link_stays_and_leads_to_the_new_content(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    real, link, second = tmp_path / "folder" / "real", tmp_path / "link", tmp_path / "second"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to("folder/real")
    second.symlink_to(link)
    write_whole(second, b"new")
    assert second.is_symlink() and link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_link_to_nothing_makes_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("absent")
    check_outputs(tmp_path / "link")
    assert not (tmp_path / "absent").exists()
    write_whole(tmp_path / "link", b"new")
    assert (tmp_path / "absent").read_bytes() == b"new"
    assert (tmp_path / "link").is_symlink()


def test_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    check_outputs(pipe)
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"content")
    reader.join()
    assert got == [b"content"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_device_is_written_to() -> None:
    master, terminal = os.openpty()
    name = Path(os.ttyname(terminal))
    check_outputs(name)
    write_whole(name, b"content")
    assert os.read(master, 7) == b"content"
    assert stat.S_ISCHR(name.stat().st_mode)
    os.close(master)
    os.close(terminal)


def test_open_file_is_appended_to(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as file:
        file.write("before ")
        file.flush()
        write_whole(Path(f"/dev/fd/{file.fileno()}"), b"behind")
    assert (tmp_path / "log").read_text() == "before behind"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
        (lambda path: path.symlink_to("/proc/none"), "No such file or directory"),
        (lambda path: path.symlink_to("/dev/full/x"), "Not a directory"),
    ],
)
def test_what_cannot_be_written_is_found_before_and_named(tmp_path: Path, make, reason: str) -> None:
    path = tmp_path / "out"
    make(path)
    for write in (check_outputs, lambda path: write_whole(path, b"x")):
        with pytest.raises(OSError, match=reason) as caught:
            write(path)
        assert caught.value.filename == str(path)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_full_disk_is_found_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: object, **_more: object) -> object:
        return open("/dev/full", "wb", buffering=0)  # noqa: PTH123

    monkeypatch.setattr(whole_file.os, "fdopen", full)
    with pytest.raises(OSError, match="No space left on device") as caught:
        check_outputs(tmp_path / "out")
    assert caught.value.filename == str(tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_no_permission_is_found_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    monkeypatch.setattr(whole_file.os, "access", lambda *_: False)  # for root there is no other way
    with pytest.raises(PermissionError) as caught:
        check_outputs(path)
    assert caught.value.filename == str(path)


def test_check_leaves_old_content_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    check_outputs(tmp_path / "old", None, tmp_path / "folder" / "new")
    assert (tmp_path / "old").read_bytes() == b"old"
    assert not list((tmp_path / "folder").iterdir())


def test_two_outputs_in_one_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(ValueError, match="outputs must be different files"):
        check_outputs(tmp_path / "file", tmp_path / "link")


def test_several_files_or_none(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(IsADirectoryError):
        write_together({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
