"""The local Hub works with huggingface_hub for every type of repository."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, snapshot_download

from tests.hub_server import pointed, serving

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.mark.parametrize("type", ["model", "dataset", "space"])
def test_files_come_back_as_they_were_committed(type: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving() as hub:
        pointed(monkeypatch, hub, tmp_path)
        api = HfApi()
        assert api.whoami()["name"] == "ada"
        url = api.create_repo("ada/x", repo_type=type, private=True, space_sdk="gradio" if type == "space" else None)
        assert (url.repo_id, url.repo_type) == ("ada/x", type)
        adds = [CommitOperationAdd("app.py", b"print()"), CommitOperationAdd("data/big.bin", bytes(5000))]
        api.create_commit("ada/x", adds, commit_message="Two files", repo_type=type)
        api.create_commit("ada/x", [CommitOperationDelete("app.py")], commit_message="One less", repo_type=type)
        assert api.repo_info("ada/x", repo_type=type).private
        assert set(api.list_repo_files("ada/x", repo_type=type)) == {".gitattributes", "data/big.bin"}
        folder = Path(snapshot_download("ada/x", repo_type=type, cache_dir=tmp_path / "cache"))
        assert (folder / "data" / "big.bin").read_bytes() == bytes(5000)
        assert hub.repositories[type, "ada/x"].sdk == ("gradio" if type == "space" else "")
