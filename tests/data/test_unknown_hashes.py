"""Downloads whose hash nobody published: content decides, mirrors follow, the first hash is remembered."""

import hashlib
import io
import re
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from ase.build import molecule
from lying_server import QUICK, running

from public_files import arrays, ccsdt_zip, extxyz, misread, npz, periodic
from tutti.core.structures import Structures
from tutti.data import download, lips, md17, md17_ccsdt, public
from tutti.data.download import DownloadError

GOOD = arrays(5)
LIPS = extxyz(periodic(lips.FORMULA, 2))
NAME = "md17_ethanol.npz"


@pytest.fixture
def server(monkeypatch):
    """It has a right file under the names of its kind."""
    monkeypatch.setattr(public, "fetch", lambda source, work: download.fetch(source, work, QUICK))
    with running() as server:
        server.files |= {"right.npz": npz(GOOD), "right.zip": ccsdt_zip()}
        server.files["right.xyz"] = LIPS
        yield server


def make(server, folder, *paths, kind=md17, **options):
    """The set made in `folder`."""
    options = {} if kind is lips else {"molecule": "ethanol"} | options
    config = kind.Config(urls=tuple(map(server.url, paths)), expected_frames=None, **options)
    kind.make(config, folder / "out.npz", folder / "work", jobs=1)
    return Structures.load(folder / "out.npz")


def changed(**factors):
    return npz({name: array * factors.get(name, 1) for name, array in GOOD.items()} | {"z": GOOD["z"]})


def bomb():
    """Zeros that unpack to 5 GB, as their headers say."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in GOOD.items():
            member = io.BytesIO()
            np.save(member, array)
            archive.writestr(f"{name}.npy", member.getvalue())
        archive.writestr("zeros.npy", bytes(1000))
        archive.filelist[-1].file_size = 5 << 30
    return buffer.getvalue()


def encrypted():
    """A zip whose members say that they are encrypted."""
    contents = bytearray(ccsdt_zip())
    for sign, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for match in re.finditer(re.escape(sign), bytes(contents)):
            contents[match.start() + place] |= 1
    return bytes(contents)


def with_member(name, contents):
    buffer = io.BytesIO(ccsdt_zip())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, contents)
    return buffer.getvalue()


EMPTY_MEMBER = io.BytesIO()
with zipfile.ZipFile(EMPTY_MEMBER, "w") as archive:
    archive.writestr("ethanol_ccsd_t-train.npz", b"")
    archive.writestr("ethanol_ccsd_t-test.npz", npz(GOOD))
WRONG = {
    "cut.npz": (md17, npz(GOOD)[:-300], "no complete .npz archive"),
    "benzene.npz": (md17, npz(arrays(5, atoms=molecule("C6H6"))), "frame 0 has 12 atoms, C2H6O has 9"),
    "energies.npz": (md17, changed(E=1000.0), "energies of -4.2"),
    "eV.npz": (md17, changed(E=public.factor("kcal/mol", "eV")), "another unit?"),
    "bohr.npz": (md17, changed(R=1 / 0.529177), "distances of 1.7"),
    "atomic.npz": (md17, changed(F=1 / 1185.8), "forces of 0.000"),
    "pickle.npz": (md17, npz(GOOD | {"F": np.array([{}] * 5, dtype=object)}), "without pickled objects"),
    "bomb.npz": (md17, bomb(), "unpacks to more than"),
    "html": (md17, None, "no complete .npz archive"),
    "html-bom": (lips, None, "lips.xyz:1: expected"),
    "html-late": (lips, None, "lips.xyz:"),
    "json": (lips, None, "lips.xyz:1: expected"),
    "empty": (lips, None, "the 0 bytes received are not it"),
    "cut.xyz": (lips, LIPS[:-200], "lips.xyz:1"),
    "li.xyz": (lips, extxyz(periodic("Li83", 2)), "frame 0 is Li83, not Li27P12S44"),
    "meV.xyz": (lips, re.sub(rb"energy=-(\d+)\.", rb"energy=-\g<1>000.", LIPS), "energies of -3.5e+05 eV"),
    "cut.zip": (md17_ccsdt, ccsdt_zip()[:2000], "truncated or damaged"),
    "aspirin.zip": (md17_ccsdt, ccsdt_zip(name="aspirin_ccsd"), "holds no ethanol_ccsd_t-train.npz"),
    "empty-member.zip": (md17_ccsdt, EMPTY_MEMBER.getvalue(), "ethanol_ccsd_t-train.npz: no complete .npz"),
    "encrypted.zip": (md17_ccsdt, encrypted(), "is encrypted"),
    "bomb.zip": (md17_ccsdt, with_member("zeros", bytes(65 << 20)), "unpacks to more than 67108864 bytes"),
    "leads-out.zip": (md17_ccsdt, with_member("../../zeros", b"0"), "leads out of the archive's folder"),
}
"""By path: what it is served for, the body where the server does not have it, and why it is refused."""
SUFFIX = {md17: "npz", md17_ccsdt: "zip", lips: "xyz"}
FILES = {md17: NAME, md17_ccsdt: "ethanol_ccsd_t.zip", lips: "lips.xyz"}


@pytest.mark.parametrize("path", WRONG)
def test_what_is_not_the_file_is_not_kept_and_the_next_mirror_is_tried(server, tmp_path, path):
    kind, body, reason = WRONG[path]
    if body is not None:
        server.files[path] = body
    with pytest.raises(DownloadError) as caught:
        make(server, tmp_path, path, "forbidden", kind=kind)
    message, size = str(caught.value), len(server.files[path])
    assert f"{server.url(path)}\n    HTTP 200, but the {size} bytes received are not it: " in message
    assert reason in message and "HTTP 403 Forbidden" in message
    assert not list((tmp_path / "work").iterdir())
    server.requests.clear()
    right = f"right.{SUFFIX[kind]}"
    assert len(make(server, tmp_path, path, right, "forbidden", kind=kind)) in (2, 5, 10)
    assert server.requests == [path, right]
    kept = tmp_path / "work" / FILES[kind]
    assert kept.read_bytes() == server.files[right]
    assert sorted((tmp_path / "work").iterdir()) == [kept, kept.with_name(f"{kept.name}.sha256")]


@pytest.mark.parametrize("name", ["f.npz", "f.zip"])
def test_damage_is_refused_in_words_or_harmless(tmp_path, name):
    """A few of the damages of tests/faults/test_lying_mirrors.py."""
    assert misread(tmp_path / name, np.random.default_rng(0), 60) == 0


def test_an_end_that_no_length_announces_is_noticed_by_the_content(server, tmp_path):
    with pytest.raises(DownloadError, match="the 1000 bytes received are not it: no complete"):
        make(server, tmp_path, "breaks-off-unnoticed")


def test_the_hash_is_recorded_as_sha256sum_does(server, tmp_path):
    structures = make(server, tmp_path, "right.npz")
    digest = hashlib.sha256(npz(GOOD)).hexdigest()
    assert (tmp_path / "work" / f"{NAME}.sha256").read_text().endswith(f"\n{digest}  {NAME}\n")
    assert structures.source == f"MD17, {NAME} sha256:{digest}"
    if shutil.which("sha256sum"):
        command = ["sha256sum", "-c", f"{NAME}.sha256"]
        subprocess.run(command, cwd=tmp_path / "work", check=True, capture_output=True)


def test_a_file_that_has_changed_is_fetched_again_aloud(server, tmp_path):
    make(server, tmp_path, "right.npz")
    (tmp_path / "work" / NAME).write_bytes(changed(F=1.01))
    with pytest.warns(UserWarning, match=r"npz: was not used \(sha256:\w+…, not sha256:\w+…\) and has been"):
        make(server, tmp_path, "right.npz")
    assert (tmp_path / "work" / NAME).read_bytes() == npz(GOOD)
    (tmp_path / "work" / NAME).write_bytes(changed(F=1.01))
    with pytest.raises(DownloadError, match=rf"work/{NAME} is not used: sha256:\w+…, not sha256:\w+…"):
        make(server, tmp_path, "forbidden")


def test_another_file_of_the_same_kind_is_refused_until_the_record_is_deleted(server, tmp_path):
    make(server, tmp_path, "right.npz")
    (tmp_path / "work" / NAME).unlink()
    server.files["later.npz"] = changed(F=1.01)
    old, new = (hashlib.sha256(server.files[name]).hexdigest()[:12] for name in ("right.npz", "later.npz"))
    record = tmp_path / "work" / f"{NAME}.sha256"
    with pytest.raises(DownloadError) as caught:
        make(server, tmp_path, "later.npz")
    assert f"are not it: sha256:{new}…, not sha256:{old}…" in str(caught.value)
    assert f"sha256:{old}… was recorded in {record}: delete that file to take another one" in str(
        caught.value
    )
    record.unlink()
    make(server, tmp_path, "later.npz")
    assert f"\n{new}" in record.read_text()


def test_a_file_put_by_hand_is_checked_like_any_other(server, tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / NAME).write_bytes(server.files["html-bom"])
    with pytest.warns(UserWarning, match=r"npz: was not used \(no complete \.npz archive.*\) and has been"):
        make(server, tmp_path, "right.npz")
    shutil.rmtree(tmp_path / "work")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / NAME).write_bytes(npz(GOOD))
    server.requests.clear()
    make(server, tmp_path, "forbidden")
    assert server.requests == [] and (tmp_path / "work" / f"{NAME}.sha256").is_file()


def test_a_damaged_record_is_named(server, tmp_path):
    make(server, tmp_path, "right.npz")
    record = tmp_path / "work" / f"{NAME}.sha256"
    whole = record.read_bytes()
    flips = [whole[:i] + bytes([whole[i] ^ 1]) + whole[i + 1 :] for i in range(0, len(whole), 7)]
    for contents in (b"", whole[:-1], whole + b"\n", *flips):
        record.write_bytes(contents)
        with pytest.raises(DownloadError, match=rf"{re.escape(str(record))}: .*; delete it, and the hash is"):
            make(server, tmp_path, "right.npz")


def test_a_folder_that_takes_no_record_is_a_warning(server, tmp_path, monkeypatch):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "work").mkdir()
    (tmp_path / "work" / NAME).write_bytes(npz(GOOD))
    monkeypatch.setattr(download, "seal", refused)
    with pytest.warns(UserWarning, match="its hash could not be recorded beside it"):
        assert len(make(server, tmp_path, "forbidden")) == 5


@pytest.mark.parametrize("name", md17.MOLECULES)
def test_every_trajectory_has_room_for_its_published_size(name):
    source = md17.source(md17.Config(molecule=name))
    sizes = {  # bytes of the copies whose SHA-256 are known, as their pages say
        "aspirin": 202_398_748,
        "benzene_2018": 25.9e6,
        "malonaldehyde": 412e6,
        "naphthalene": 266e6,
        "salicylic_acid": 233e6,
        "toluene": 303e6,
    }
    assert 1.5 * sizes.get(name, 0) < source.max_bytes < 1e9
    assert source.hash is None or re.fullmatch("sha256:[0-9a-f]{64}", source.hash)


@pytest.mark.parametrize("name", ["aspirin", "ethanol", "malonaldehyde", "toluene", "uracil"])
def test_real_frames_of_md17_have_the_magnitudes_that_are_asked_for(shared_data, tmp_path, name):
    """The files of rMD17 bring the energies and forces of MD17 for their frames, too."""
    with np.load(shared_data / f"rmd17/rmd17_{name}_train_01.npz") as archive:
        names = {"R": "coords", "E": "old_energies", "F": "old_forces", "z": "nuclear_charges"}
        contents = {short: archive[long] for short, long in names.items()}
    formula = md17.MOLECULES[name][1]
    np.savez(tmp_path / "x.npz", **contents)
    assert len(md17.read(tmp_path / "x.npz", formula, 1000)) == 1000
    for array, unit in {"R": 1 / 0.529177, "E": 1 / 627.51, "F": 23.06}.items():
        np.savez(tmp_path / "x.npz", **contents | {array: contents[array] * unit})
        with pytest.raises(ValueError, match="another unit"):
            md17.read(tmp_path / "x.npz", formula, 1000)
