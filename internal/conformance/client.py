"""Drives a Rawlink through the published Python client, as its README shows it.

Each step checks the client's own objects and errors. The first failure ends the
run with a traceback and exit status 1.
"""

import functools
import hashlib
import inspect
import io
import os
import tempfile
import time

import httpx
from fluidcloud import FluidCloud
from fluidcloud.errors import (
    ApiError,
    AuthError,
    ConflictError,
    FluidCloudError,
    NotFoundError,
    PermissionError_,
    QuotaExceededError,
)

API, KEY = os.environ["API"], os.environ["KEY"]
FILES = os.environ["FILES"].split()
NOBODY = "00000000-0000-4000-8000-000000000000"
EICAR = bytes.fromhex(
    "58354f2150254041505b345c505a58353428505e2937434329377d24"
    "45494341522d5354414e444152442d414e544956495255532d544553542d46494c4521"
    "24482b482a"
)


# What the client can do, and what of it was seen to work and to be refused.
RESOURCES = ("spaces", "folders", "files", "shares", "quota")
worked, refused = set(), set()


def watched(name, method):
    def call(*args, **kwargs):
        try:
            answer = method(*args, **kwargs)
        except ApiError as error:
            refused.add((name, type(error)))
            raise
        worked.add(name)
        return answer

    return call


def client(key=KEY):
    fc = FluidCloud(api_key=key, base_url=API, timeout=60)
    for resource in RESOURCES:
        part = getattr(fc, resource)
        for name, method in inspect.getmembers(part, inspect.ismethod):
            if not name.startswith("_"):
                setattr(part, name, watched(f"{resource}.{name}", method))
    return fc


def completeness(fc):
    """Every method was seen to work, and to raise what it can raise."""
    everything = {f"{r}.{n}" for r in RESOURCES for n, _ in inspect.getmembers(getattr(FluidCloud(api_key=KEY), r), inspect.ismethod) if not n.startswith("_")}
    assert everything <= worked, f"never seen to work: {everything - worked}"
    for kind in (AuthError, PermissionError_):
        lacking = everything - {name for name, raised in refused if raised is kind}
        assert not lacking, f"never seen to raise {kind.__name__}: {lacking}"
    no_id = {"spaces.list", "spaces.create", "quota.usage"}
    lacking = everything - no_id - {name for name, raised in refused if raised is NotFoundError}
    assert not lacking, f"never seen to raise NotFoundError: {lacking}"
    kinds = {raised for _, raised in refused}
    assert kinds >= {ApiError, AuthError, PermissionError_, NotFoundError, QuotaExceededError, ConflictError}, kinds


def fetch(url, headers=None):
    """Opens a raw link at every edge and returns the last answer."""
    path = url[url.index("/s/"):]
    for files in FILES:
        answer = httpx.get(files + path, headers=headers, timeout=60)
    return answer


def until(want, get):
    """Waits until get() returns want, for at most half a minute."""
    end = time.monotonic() + 30
    while (got := get()) != want:
        assert time.monotonic() < end, f"{got!r} did not become {want!r}"
        time.sleep(0.05)


def raises(kind, status, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except kind as error:
        assert isinstance(error, FluidCloudError) and error.status == status, error
        return error.detail
    raise AssertionError(f"{call} raised nothing; want {kind.__name__}")


def spaces(fc):
    first = fc.spaces.list()
    assert first and first[0].id and first[0].created_at.endswith("Z"), first
    made = fc.spaces.create("Brand Assets")
    assert made.name == "Brand Assets" and made.tenant_id
    assert made.id in [s.id for s in fc.spaces.list()]
    return made.id


def folders(fc, space):
    top = fc.folders.create("top", space)
    inner = fc.folders.create("inner", space, parent_id=top.id)
    assert (inner.space_id, inner.parent_id, inner.deleted_at) == (space, top.id, None)
    assert fc.folders.rename(inner.id, "renamed").name == "renamed"
    assert fc.folders.move(inner.id, None).parent_id is None
    assert fc.folders.move(inner.id, top.id).parent_id == top.id
    assert [f.id for f in fc.folders.list(space, parent_id=top.id)] == [inner.id]
    assert fc.folders.delete(top.id).deleted_at
    assert fc.folders.list(space) == []
    assert {f.id for f in fc.folders.list(space, trash=True)} == {top.id, inner.id}
    assert fc.folders.restore(top.id).deleted_at is None
    assert {f.id for f in fc.folders.list(space)} == {top.id, inner.id}
    return top.id


def uploads(fc, space, folder):
    """From a path, from bytes, from a file object, and in parts."""
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "logo.png")
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n and so on")
        logo = fc.files.upload(path, space_id=space, public=True)
    assert (logo.original_name, logo.name, logo.mime) == ("logo.png", "logo.png", "image/png")
    assert logo.scan_status == "clean" and logo.folder_id is None and logo.size == 18
    answer = fetch(logo.public_url)
    assert answer.status_code == 200 and answer.content.endswith(b"and so on")
    assert hashlib.sha256(answer.content).hexdigest() == logo.sha256
    assert answer.headers["content-disposition"].startswith("inline")
    assert answer.headers["cache-control"] == "public, max-age=3600"

    data = fc.files.upload(b"bytes", space, folder_id=folder, name="b.bin", app="fluidtalk", client_key="k/1")
    assert (data.folder_id, data.source_app, data.client_key) == (folder, "fluidtalk", "k/1")
    newer = fc.files.upload(io.BytesIO(b"newer bytes"), space, name="b.bin", app="fluidtalk", client_key="k/1")
    assert fc.files.resolve("k/1").id == newer.id
    assert fc.files.resolve("k/1", app="fluidtalk").id == newer.id
    raises(NotFoundError, 404, fc.files.resolve, "k/1", app="other")

    large = os.urandom(1 << 20) * 13
    parts = fc.files.upload(large, space, name="large.bin", public=True)
    assert parts.size == len(large) and parts.scan_status == "clean", parts
    assert fetch(parts.public_url).content == large
    ranged = fetch(parts.public_url, {"Range": "bytes=5242878-5242881"})
    assert ranged.status_code == 206 and ranged.content == large[5242878:5242882]
    return logo


def files(fc, space, folder, logo):
    assert fc.files.get(logo.id).id == logo.id
    assert logo.id in [f.id for f in fc.files.list(space)]
    assert [f.source_app for f in fc.files.list(space, app="fluidtalk")] == ["fluidtalk"] * 2
    assert fc.files.rename(logo.id, "new name.png").original_name == "new name.png"
    assert fc.files.move(logo.id, folder).folder_id == folder
    assert logo.id in [f.id for f in fc.files.list(space, folder_id=folder)]
    assert fc.files.move(logo.id, None).folder_id is None
    assert httpx.get(fc.files.download_url(logo.id), timeout=60).content.endswith(b"and so on")
    gone = fc.files.delete(logo.id)
    assert gone.deleted_at and gone.status == "trashed"
    assert logo.id not in [f.id for f in fc.files.list(space)]
    assert logo.id in [f.id for f in fc.files.list(space, trash=True)]
    until(404, lambda: fetch(logo.public_url).status_code)
    assert fc.files.restore(logo.id).deleted_at is None
    until(200, lambda: fetch(logo.public_url).status_code)


def shares(fc, logo):
    public = fc.files.public_url(logo.id)
    assert (public.permission, public.expires_at) == ("view", None)
    signed = fc.files.signed_url(logo.id, expires_in_days=7, permission="download")
    assert signed.permission == "download" and signed.expires_at.endswith("Z")
    answer = fetch(signed.url)
    assert answer.status_code == 200 and answer.headers["content-disposition"].startswith("attachment")
    assert "no-store" in answer.headers["cache-control"]
    listed = {s.id: s for s in fc.shares.list(file_id=logo.id)}
    assert {public.id, signed.id} <= set(listed)
    assert not listed[public.id].revoked and not listed[public.id].has_password
    fc.shares.revoke(public.id)
    until(410, lambda: fetch(public.url).status_code)
    assert public.id not in [s.id for s in fc.shares.list(file_id=logo.id)]
    everything = {s.id: s for s in fc.shares.list(file_id=logo.id, include_inactive=True)}
    assert everything[public.id].revoked


def quota(fc):
    usage = fc.quota.usage()
    assert usage.bytes_used > 13 << 20 and usage.links_used >= 2
    assert {"app", "bytes_used"} <= set(usage.by_app[0])


def every(fc, space):
    """A call of each method, with ids that nobody has."""
    return {
        fc.spaces.list: (), fc.spaces.create: ("x",), fc.quota.usage: (),
        fc.folders.list: (NOBODY,), fc.folders.create: ("x", NOBODY), fc.folders.rename: (NOBODY, "x"), fc.folders.move: (NOBODY, None),
        fc.folders.delete: (NOBODY,), fc.folders.restore: (NOBODY,),
        fc.files.list: (NOBODY,), fc.files.get: (NOBODY,), fc.files.resolve: ("no such key",), fc.files.rename: (NOBODY, "x"), fc.files.move: (NOBODY, None),
        fc.files.delete: (NOBODY,), fc.files.restore: (NOBODY,), fc.files.download_url: (NOBODY,), fc.files.public_url: (NOBODY,), fc.files.signed_url: (NOBODY,),
        fc.files.upload: (b"x", NOBODY), fc.shares.list: {"file_id": NOBODY}, fc.shares.revoke: (NOBODY,),
    }


def bound(call, args):
    return (functools.partial(call, **args),) if isinstance(args, dict) else (call, *args)


def refusals(fc, space):
    """Each method with a wrong key, without its scope, and with a wrong id."""
    for call, args in every(client("fck_live_" + "0" * 32), space).items():
        raises(AuthError, 401, *bound(call, args))
    quota_only, no_quota = client(os.environ["QUOTA_KEY"]), client(os.environ["READER_KEY"])
    for call, args in every(quota_only, space).items():
        call = no_quota.quota.usage if call == quota_only.quota.usage else call
        detail = raises(PermissionError_, 403, *bound(call, args))
        assert detail["error"] == "insufficient_scope" and detail["missing"] == detail["required"], detail
    for call, args in every(fc, space).items():
        if call not in (fc.spaces.list, fc.spaces.create, fc.quota.usage):
            raises(NotFoundError, 404, *bound(call, args))
    assert raises(ApiError, 422, fc.folders.create, "a/b", space).startswith("name: ")
    folder = fc.folders.create("ring", space)
    raises(ConflictError, 409, fc.folders.move, folder.id, folder.id)
    child = fc.folders.create("child", space, parent_id=folder.id)
    fc.folders.delete(folder.id)
    raises(ConflictError, 409, fc.folders.restore, child.id)


def errors(fc, space, logo):
    raises(AuthError, 401, client("fck_live_" + "0" * 32).spaces.list)
    raises(AuthError, 401, client("not a key of ours").spaces.list)  # goes as a bearer token
    detail = raises(PermissionError_, 403, client(os.environ["READER_KEY"]).spaces.create, "x")
    assert detail == {"error": "insufficient_scope", "required": ["spaces:write"], "missing": ["spaces:write"]}, detail
    for call in (fc.files.get, fc.files.delete, fc.files.restore, fc.files.download_url, fc.files.public_url, fc.folders.delete, fc.shares.revoke):
        raises(NotFoundError, 404, call, NOBODY)
    raises(NotFoundError, 404, fc.files.list, NOBODY)

    poor = client(os.environ["POOR_KEY"])
    room = poor.spaces.list()[0]
    assert room.name == "My files"
    raises(NotFoundError, 404, poor.files.get, logo.id)  # another tenant's
    assert raises(QuotaExceededError, 402, poor.files.upload, b"x" * 101, room.id) == "quota_exceeded"
    small = poor.files.upload(b"x" * 99, room.id, public=True)
    assert raises(QuotaExceededError, 402, poor.files.public_url, small.id) == "quota_exceeded"

    virus = fc.files.upload(EICAR, space, name="virus.com")
    assert virus.scan_status == "infected", virus
    assert "must be 'clean'" in raises(ConflictError, 409, fc.files.public_url, virus.id)
    raises(ApiError, 422, fc.spaces.create, "")
    raises(ApiError, 422, fc.files.signed_url, logo.id, expires_in_days=366)


with client() as fc:
    space = spaces(fc)
    print("spaces ok")
    folder = folders(fc, space)
    print("folders ok")
    logo = uploads(fc, space, folder)
    print("uploads ok")
    files(fc, space, folder, logo)
    print("files ok")
    shares(fc, logo)
    print("shares ok")
    quota(fc)
    print("quota ok")
    errors(fc, space, logo)
    print("errors ok")
    refusals(fc, space)
    print("refusals ok")
    completeness(fc)
    print("every method ok")
