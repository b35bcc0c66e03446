"""A Hugging Face Hub on this machine: the endpoints that huggingface_hub uses, for models, data sets and Spaces.

Large files use LFS where xet is off, the default of `pointed`, and otherwise xet (xet_server.py),
which huggingface_hub 2.4 uses for every upload where hf_xet is installed, whatever the server says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.xet_server import BLOCK, ROUTE, Xet

LARGE = (".safetensors", ".png", ".bin")  # what goes into LFS, as in a repository's .gitattributes
POINTER = b"xet:"  # prefix, before the SHA-256, of a file in a commit whose chunks are in `xet`
TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}
PREFIX = {"model": "", "dataset": "datasets/", "space": "spaces/"}
API = re.compile(r"/api/(models|datasets|spaces)/([^/]+/[^/]+)(?:/([a-z0-9-]+)(?:/([^/]+)(?:/(.*))?)?)?")
FILE = re.compile(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
BATCH = re.compile(r"/(?:(datasets|spaces)/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch")


class Refused(Exception):
    """An error answer, with the code by which huggingface_hub distinguishes errors."""

    def __init__(self, status: int, code: str = "", said: str = "") -> None:
        self.status, self.code, self.said = status, code, said


@dataclass
class Commit:
    """A commit: its message, and all files by path."""

    id: str
    summary: str
    files: dict[str, bytes]


@dataclass
class Repository:
    """`commits` in order; `main` is the newest of them."""

    type: str
    id: str
    private: bool = False
    sdk: str = ""  # of a Space
    commits: list[Commit] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def at(self, revision: str) -> Commit:
        wanted = self.tags.get(revision, revision)
        for commit in reversed(self.commits):
            if wanted in ("main", commit.id):
                return commit
        raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")

    def commit(self, summary: str, files: dict[str, bytes]) -> Commit:
        """Puts a commit with these files on top."""
        id = hashlib.sha1(f"{self.type}{self.id}{len(self.commits)}{summary}".encode()).hexdigest()
        self.commits.append(Commit(id, summary, files))
        return self.commits[-1]


@dataclass
class Hub:
    """Its contents, and its faults.

    `cut`: for a file's name, the bytes after which each answer ends; `shortened`: how many bytes each answer lacks,
    without announcing it; `refuse`: for the beginning of `METHOD /path`, the
    status, code and message of the answer; `strange`: it answers everything with a page of HTML.
    """

    address: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=lambda: {"hf_ada": "ada"})  # by token
    stored: dict[str, bytes] = field(default_factory=dict)  # LFS, by sha256
    xet: Xet = field(default_factory=Xet)
    cut: dict[str, list[int]] = field(default_factory=dict)
    shortened: dict[str, list[int]] = field(default_factory=dict)
    refuse: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    strange: bool = False
    asked: list[str] = field(default_factory=list)  # "METHOD /path", with " Range" if one was requested

    @property
    def store(self) -> str:
        """The address of large files: another host, where huggingface_hub doesn't look for the Hub's headers."""
        return self.address.replace("127.0.0.1", "localhost")

    def add(self, id: str, files: dict[str, bytes], *, type: str = "model", private: bool = False) -> Repository:
        """A repository with one commit."""
        made = Repository(type, id, private)
        made.commit("First", files)
        self.repositories[type, id] = made
        return made

    def repository(self, type: str, id: str, user: str | None) -> Repository:
        """Returns the repository, if the user may see it."""
        found = self.repositories.get((type, id))
        if found is None or (found.private and user != id.partition("/")[0]):
            raise Refused(401 if user is None else 404, "RepoNotFound", "Repository not found")
        return found

    def writable(self, type: str, id: str, user: str | None) -> Repository:
        found = self.repository(type, id, user)
        if user != id.partition("/")[0]:
            raise Refused(403, "", "You don't have write access to this repository")
        return found


class Handler(BaseHTTPRequestHandler):
    """Answers for `hub`, which a subclass holds."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815  the names that http.server calls

    def log_message(self, *arguments: object) -> None:
        pass

    def _answer(self) -> None:
        self.path = unquote(urlsplit(self.path).path)
        self.body = self._body()
        asked = f"{self.command} {self.path}"
        self.hub.asked.append(asked + (" Range" if "Range" in self.headers else ""))
        try:
            for begun, refused in self.hub.refuse.items():
                if asked.startswith(begun):
                    raise Refused(*refused)
            if self.hub.strange:
                self._send(b"<html>Log in to the network</html>", {"Content-Type": "text/html"})
                return
            self._route(self._user())
        except Refused as refused:
            # one message in a header, as the Hub does; and in the body
            headers = {"X-Error-Code": refused.code, "X-Error-Message": refused.said}
            content = json.dumps({"error": refused.said}).encode()
            self._send(content, {name: value for name, value in headers.items() if value}, refused.status)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in self.hub.users:
            raise Refused(401, "", "Invalid credentials in Authorization header")
        return self.hub.users.get(token)

    def _route(self, user: str | None) -> None:
        if self.path == "/api/whoami-v2":
            if user is None:
                raise Refused(401, "", "Invalid username or password.")
            self._json({"type": "user", "name": user, "orgs": [], "auth": {"accessToken": {"role": "write"}}})
        elif self.path == "/api/repos/create":
            self._create(user)
        elif self.path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif self.path.startswith("/lfs/"):
            self._large(self.path.removeprefix("/lfs/"))
        elif self.path == "/cas/v1/shards":
            self.hub.xet.add(self.body)
            self._json({"result": 1})
        elif found := ROUTE.fullmatch(self.path):
            self._xet(found[1].partition("/")[0], found[2])
        elif found := BLOCK.fullmatch(self.path):
            self._block(self.hub.xet.blocks[found[1]])
        elif found := BATCH.fullmatch(self.path):
            self._batch(self.hub.writable(TYPES[found[1] or "models"], found[2], user))
        elif found := FILE.fullmatch(self.path):
            self._file(self.hub.repository(TYPES[found[1] or "models"], found[2], user), found[3], found[4])
        elif found := API.fullmatch(self.path):
            type, id, verb, revision, path = found.groups()
            self._api(TYPES[type], id, verb or "revision", revision or "main", path or "", user)
        else:
            raise Refused(404, "", "Not found")

    def _api(self, type: str, id: str, verb: str, revision: str, path: str, user: str | None) -> None:
        if verb == "revision":
            self._info(self.hub.repository(type, id, user), revision)
        elif verb == "tree":
            self._tree(self.hub.repository(type, id, user).at(revision), path)
        elif verb == "preupload":
            self._preupload(self.hub.writable(type, id, user))
        elif verb == "commit":
            self._commit(self.hub.writable(type, id, user))
        elif verb in ("xet-write-token", "xet-read-token"):
            self._token((self.hub.writable if "write" in verb else self.hub.repository)(type, id, user))
        else:
            raise Refused(404, "", f"Not found: {verb}")

    # --- contents -----------------------------------------------------------------------------------------------------

    def _create(self, user: str | None) -> None:
        asked = self._asked()
        type, owner = asked.get("type", "model"), asked.get("organization") or user
        if user is None:
            raise Refused(401, "", "Invalid username or password.")
        if owner != user:
            raise Refused(403, "", f'You don\'t have the rights to create a {type} under the namespace "{owner}"')
        id = f"{owner}/{asked['name']}"
        address = {"url": f"{self.hub.address}/{PREFIX[type]}{id}", "name": id}
        if (type, id) in self.hub.repositories:
            self._json(address | {"error": "You already created this repo"}, 409)
            return
        private = asked.get("visibility") == "private" or asked.get("private", False)
        made = Repository(type, id, private, asked.get("sdk", ""))
        made.commit("initial commit", {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
        self.hub.repositories[type, id] = made
        self._json(address)

    def _info(self, repository: Repository, revision: str) -> None:
        commit = repository.at(revision)
        facts = {
            "_id": "0", "id": repository.id, "sha": commit.id, "private": repository.private, "tags": [],
            "gated": False, "siblings": [{"rfilename": path} for path in commit.files],
        }  # fmt: skip
        self._json(facts | ({"sdk": repository.sdk} if repository.sdk else {}))

    def _tree(self, commit: Commit, below: str) -> None:
        entries = []
        for path, content in commit.files.items():
            if path.startswith(below):
                entry = {"type": "file", "path": path, "size": len(content), "oid": blob_id(content)}
                large = {"lfs": {"oid": sha256(content), "size": len(content), "pointerSize": 130}}
                entries.append(entry | (large if path.endswith(LARGE) else {}))
        self._json(entries)

    def _file(self, repository: Repository, revision: str, path: str) -> None:
        commit = repository.at(revision)
        headers = {"X-Repo-Commit": commit.id}
        if path not in commit.files:
            raise Refused(404, "EntryNotFound", "Entry not found")
        content = commit.files[path]
        if not path.endswith(LARGE):
            self._part(path, content, headers | {"ETag": f'"{blob_id(content)}"'})
            return
        if content.startswith(POINTER):
            id = content.removeprefix(POINTER).decode()
            hashed = self.hub.xet.hashes[id]
            size = self.hub.xet.length(hashed)
            token = f"{self.hub.address}/api/{repository.type}s/{repository.id}/xet-read-token/{commit.id}"
            headers |= {"X-Xet-Hash": hashed, "X-Xet-Refresh-Route": token}
        else:
            id, size = sha256(content), len(content)
            self.hub.stored[id] = content
        linked = {"X-Linked-Etag": f'"{id}"', "X-Linked-Size": str(size)}
        self._send(b"", headers | linked | {"Location": f"{self.hub.store}/lfs/{id}/{path}"}, 302)

    # --- large files --------------------------------------------------------------------------------------------------

    def _large(self, place: str) -> None:
        id, _, path = place.partition("/")
        if self.command == "PUT":
            if sha256(self.body) != id:
                raise Refused(400, "", "The sha256 differs")
            self.hub.stored[id] = self.body
            self._send(b"")
        elif path == "verify":
            if id not in self.hub.stored or self._asked()["size"] != len(self.hub.stored[id]):
                raise Refused(404, "", "Nothing was uploaded")
            self._json({})
        else:
            self._part(path, self.hub.stored[id], {"ETag": f'"{id}"'})

    def _batch(self, repository: Repository) -> None:
        objects = []
        for one in self._asked()["objects"]:
            place = f"{self.hub.store}/lfs/{one['oid']}"
            actions = {"upload": {"href": place}, "verify": {"href": f"{place}/verify"}}
            objects.append(one | ({} if one["oid"] in self.hub.stored else {"actions": actions}))
        self._json({"transfer": "basic", "objects": objects})

    # --- large files by xet -----------------------------------------------------------------------------------------

    def _token(self, repository: Repository) -> None:
        """The store's address and token, in the body for hf_xet and in headers for huggingface_hub."""
        place, ends = f"{self.hub.address}/cas", int(time.time()) + 3600
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        headers = {"X-Xet-Cas-Url": place, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(ends)}
        content = json.dumps({"casUrl": place, "accessToken": token, "exp": ends}).encode()
        self._send(content, headers | {"Content-Type": "application/json"})

    def _xet(self, kind: str, hashed: str) -> None:
        xet = self.hub.xet
        if kind == "xorbs":
            fresh = hashed not in xet.blocks
            xet.blocks[hashed] = self.body
            self._json({"was_inserted": fresh})
        elif kind == "reconstructions" and hashed in xet.files:
            self._json(xet.reconstruction(hashed, self.hub.address))
        else:
            raise Refused(404, "", "Not found")

    def _block(self, content: bytes) -> None:
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last) + 1]
        self._send(part, {"Content-Range": f"bytes {first}-{last}/{len(content)}"}, 206)

    # --- commits ------------------------------------------------------------------------------------------------------

    def _preupload(self, repository: Repository) -> None:
        present = repository.at("main").files
        files = []
        for one in self._asked()["files"]:
            mode = "lfs" if one["path"].endswith(LARGE) else "regular"
            entry = {"path": one["path"], "uploadMode": mode, "shouldIgnore": False}
            content = present.get(one["path"])
            id = None if content is None else sha256(content) if mode == "lfs" else blob_id(content)
            files.append(entry | ({"oid": id} if id else {}))
        self._json({"files": files})

    def _commit(self, repository: Repository) -> None:
        files, summary = dict(repository.at("main").files), ""
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "header":
                    summary = value["summary"]
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    pointer = POINTER + value["oid"].encode() if value["oid"] in self.hub.xet.hashes else None
                    if value["oid"] not in self.hub.stored and not pointer:
                        raise Refused(400, "", f"{value['path']} was not uploaded")
                    files[value["path"]] = pointer or self.hub.stored[value["oid"]]
                case "deletedFile":
                    del files[value["path"]]
                case "deletedFolder":
                    files = {path: content for path, content in files.items() if not path.startswith(value["path"])}
        made = repository.commit(summary, files)
        place = f"{self.hub.address}/{PREFIX[repository.type]}{repository.id}/commit/{made.id}"
        self._json({"success": True, "commitOid": made.id, "commitUrl": place, "hookOutput": ""})

    # --- answers ------------------------------------------------------------------------------------------------------

    def _asked(self) -> Any:
        return json.loads(self.body)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), {"Content-Type": "application/json"}, status)

    def _part(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        """A file from the start of its Range, truncated if requested."""
        start, status = 0, 200
        if asked := self.headers.get("Range"):
            start, status = int(asked.removeprefix("bytes=").rstrip("-")), 206
            headers |= {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        cuts = self.hub.cut.get(path) if self.command == "GET" else None
        if self.command == "GET" and (short := self.hub.shortened.get(path)):
            content = content[: -short.pop(0)]
        self._send(content[start:], headers, status, cuts.pop(0) if cuts else None)

    def _send(
        self, content: bytes, headers: dict[str, str] | None = None, status: int = 200, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut])
        if cut is not None:
            self.close_connection = True


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def blob_id(content: bytes) -> str:
    """The id that Git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Server(ThreadingHTTPServer):
    daemon_threads = True


@contextmanager
def serving() -> Iterator[Hub]:
    """A Hub at an address of this machine."""
    hub = Hub()
    server = Server(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environment(hub: Hub, home: Path, token: str = "hf_ada") -> dict[str, str]:
    """Environment variables with which another process uses this Hub."""
    return {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token}


def pointed(monkeypatch: pytest.MonkeyPatch, hub: Hub, home: Path, token: str = "hf_ada", xet: bool = False) -> None:
    """Makes this process use this Hub: huggingface_hub reads its variables once, at import, except for the token."""
    from huggingface_hub import constants

    at(monkeypatch, hub.address)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", not xet)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setenv("HF_TOKEN", token)


def at(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Makes this process use the Hub at an address."""
    from huggingface_hub import constants
    from huggingface_hub.utils import close_session

    close_session()
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
