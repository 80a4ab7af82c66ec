import base64
import os
import shutil
import stat
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from classifier import InputError, MissingExtra, ModelCorrupt, ModelUnsigned, load_model
from classifier.model import versions
from classifier.model.signature import PREFIX, check_signature, make_keys, read_public_keys, sign_bytes


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    place = tmp_path_factory.mktemp("keys")
    make_keys(place / "private.pem", place / "public.pem")
    make_keys(place / "other.pem", place / "other-public.pem")
    return place


@pytest.fixture
def signed(model_copy, keys):
    versions.sign(model_copy, "v1", keys / "private.pem")
    return model_copy


def test_only_the_owner_reads_the_private_key_and_nothing_is_overwritten(keys, tmp_path):
    assert stat.S_IMODE((keys / "private.pem").stat().st_mode) == 0o600
    before = (keys / "private.pem").read_bytes()
    for pair in (("private.pem", "new.pem"), ("new.pem", "public.pem")):
        with pytest.raises(InputError, match="is there already"):
            make_keys(*(keys / name for name in pair))
    assert (keys / "private.pem").read_bytes() == before
    assert not (keys / "new.pem").exists()
    with pytest.raises(OSError, match="absent"):
        make_keys(tmp_path / "private.pem", tmp_path / "absent" / "public.pem")
    assert not (tmp_path / "private.pem").exists()


def test_a_signed_model_loads_with_the_key_and_keeps_its_digest(signed, keys, small_model, monkeypatch):
    model = load_model(signed, public_key=keys / "public.pem")
    assert model.identity == small_model.identity
    monkeypatch.setenv(versions.PUBLIC_KEY_ENVIRONMENT, str(keys / "other-public.pem"))
    with pytest.raises(ModelUnsigned, match="signed by no key of"):
        load_model(signed)
    assert load_model(signed, public_key=keys / "public.pem")
    monkeypatch.setenv(versions.PUBLIC_KEY_ENVIRONMENT, "")
    assert load_model(signed)


def test_without_a_signature_nothing_loads_and_nothing_is_promoted(two_models, keys, monkeypatch):
    with pytest.raises(ModelUnsigned, match=r"no manifest\.sig.*models sign v1"):
        load_model(two_models, public_key=keys / "public.pem")
    with pytest.raises(ModelUnsigned):
        versions.promote(two_models, "v2", public_key=keys / "public.pem")
    monkeypatch.setenv(versions.PUBLIC_KEY_ENVIRONMENT, str(keys / "public.pem"))
    with pytest.raises(ModelUnsigned):
        versions.promote(two_models, "v2")
    assert versions.current_version(two_models) == "v1"
    versions.sign(two_models, "v2", keys / "private.pem")
    versions.promote(two_models, "v2")
    with pytest.raises(ModelUnsigned):
        versions.rollback(two_models)
    assert versions.current_version(two_models) == "v2"


def test_a_changed_manifest_is_refused_before_it_is_parsed(signed, keys):
    manifest = signed / "v1" / "manifest.json"
    manifest.write_bytes(b"no JSON at all")
    with pytest.raises(ModelUnsigned, match="changed after it was signed"):
        load_model(signed, public_key=keys / "public.pem")


def test_keys_can_be_changed(signed, keys, tmp_path):
    both = tmp_path / "both.pem"
    both.write_bytes(
        (keys / "other-public.pem").read_bytes() + b"\n# the old one\n" + (keys / "public.pem").read_bytes()
    )
    assert len(read_public_keys(both)) == 2
    assert load_model(signed, public_key=both)
    versions.sign(signed, "v1", keys / "other.pem")
    assert load_model(signed, public_key=both)
    assert load_model(signed, public_key=keys / "other-public.pem")


def test_signing_wants_a_whole_model(model_copy, keys):
    (model_copy / "v1" / "coef.npy").write_bytes(b"")
    with pytest.raises(ModelCorrupt, match=r"coef\.npy"):
        versions.sign(model_copy, "v1", keys / "private.pem")
    assert not (model_copy / "v1" / "manifest.sig").exists()


def test_a_linked_version_is_signed_where_it_lies(model_copy, keys, tmp_path):
    shutil.move(model_copy / "v1", tmp_path / "elsewhere")
    (model_copy / "v1").symlink_to(tmp_path / "elsewhere")
    versions.sign(model_copy, "v1", keys / "private.pem")
    assert (tmp_path / "elsewhere" / "manifest.sig").is_file()
    assert load_model(model_copy, public_key=keys / "public.pem")


def test_a_linked_signature_is_refused(signed, keys, tmp_path):
    shutil.move(signed / "v1" / "manifest.sig", tmp_path / "sig")
    (signed / "v1" / "manifest.sig").symlink_to(tmp_path / "sig")
    with pytest.raises(ModelCorrupt, match="links are refused"):
        load_model(signed, public_key=keys / "public.pem")


@given(manifest=st.binary(max_size=200), data=st.data())
def test_any_change_of_manifest_or_signature_is_found(keys, manifest, data):
    content = sign_bytes(manifest, keys / "private.pem")
    check_signature(manifest, content, keys / "public.pem", source="it")
    signature = bytearray(base64.b64decode(content.split()[1]))
    place = data.draw(st.integers(0, len(manifest) + len(signature) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = bytearray(manifest)
    if place < len(manifest):
        changed[place] ^= flip
    else:
        signature[place - len(manifest)] ^= flip
    with pytest.raises(ModelUnsigned):
        check_signature(
            bytes(changed), b"ed25519 " + base64.b64encode(bytes(signature)) + b"\n", keys / "public.pem", source="it"
        )


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"rsa AAAA\n", b"ed25519 AAAA\n", b"ed25519 " + b"A" * 88, b"\xff" * 97]
)
def test_what_is_no_signature_is_refused(keys, content):
    with pytest.raises(ModelUnsigned, match="not a signature"):
        check_signature(b"{}", content, keys / "public.pem", source="it")


def test_a_signature_of_the_same_bytes_for_something_else_does_not_count(keys):
    key = serialization.load_pem_private_key((keys / "private.pem").read_bytes(), None)
    content = b"ed25519 " + base64.b64encode(key.sign(b"{}")) + b"\n"
    with pytest.raises(ModelUnsigned):
        check_signature(b"{}", content, keys / "public.pem", source="it")
    content = b"ed25519 " + base64.b64encode(key.sign(PREFIX + b"{}")) + b"\n"
    check_signature(b"{}", content, keys / "public.pem", source="it")


def test_files_that_hold_no_such_key_are_told(keys, tmp_path):
    curve = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (tmp_path / "ec-public.pem").write_bytes(
        curve.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "ec.pem").write_bytes(curve.private_bytes(serialization.Encoding.PEM, *plain))
    locked = serialization.BestAvailableEncryption(b"secret")
    (tmp_path / "locked.pem").write_bytes(
        Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked
        )
    )
    (tmp_path / "empty.pem").write_bytes(b"")
    good = (keys / "public.pem").read_bytes()
    (tmp_path / "half.pem").write_bytes(good + good[:60])
    (tmp_path / "mixed.pem").write_bytes(good + (tmp_path / "ec-public.pem").read_bytes())
    (tmp_path / "garbled.pem").write_bytes(good.replace(b"MCow", b"MCoX"))
    for name, told in [
        ("ec-public.pem", "key 1 is not an Ed25519 key"),
        ("mixed.pem", "key 2 is not an Ed25519 key"),
        ("garbled.pem", "key 1 cannot be read"),
        ("empty.pem", "not a PEM file of public keys"),
        ("half.pem", "not a PEM file of public keys"),
        ("absent.pem", "cannot be read: No such file"),
    ]:
        with pytest.raises(InputError, match=told):
            read_public_keys(tmp_path / name)
    with pytest.raises(InputError, match="holds a private key"):
        read_public_keys(keys / "private.pem")
    for name, told in [
        ("ec.pem", "not an Ed25519 key"),
        ("locked.pem", "the key is encrypted"),
        ("empty.pem", "no private key"),
        ("absent.pem", "cannot be read"),
    ]:
        with pytest.raises(InputError, match=told):
            sign_bytes(b"{}", tmp_path / name)


def test_openssl_agrees(keys, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here")
    (tmp_path / "signed").write_bytes(PREFIX + b'{"a": 1}\n')
    (tmp_path / "signature").write_bytes(base64.b64decode(sign_bytes(b'{"a": 1}\n', keys / "private.pem").split()[1]))
    subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys / "public.pem", "-rawin", "-in", tmp_path / "signed",
         "-sigfile", tmp_path / "signature"],
        check=True,
        capture_output=True,
    )  # fmt: skip


def test_without_the_library_the_part_to_install_is_named(keys, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"narrative-classifier\[serve\]"):
        read_public_keys(keys / "public.pem")


def test_models_without_a_key_do_not_need_the_library(small_models):
    program = (
        "import sys; from classifier import load_model; load_model(sys.argv[1]); print('cryptography' in sys.modules)"
    )
    environment = {k: v for k, v in os.environ.items() if k != versions.PUBLIC_KEY_ENVIRONMENT}
    done = subprocess.run(
        [sys.executable, "-c", program, small_models], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "False"
