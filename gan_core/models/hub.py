"""Models from the Hugging Face Hub: `hf://owner/name` or `hf://owner/name@revision`, wherever a model's name is
accepted.

Card and weights come from one commit, are verified by the card's sha256 and cached in `GANSCOPE_HOME/hub` in
huggingface_hub's layout; cached models load offline. huggingface_hub uses the xet protocol if the Hub offers it in the
headers of a file, else plain HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gan_core import paths
from gan_core.data.base import Progress, silent
from gan_core.disk import writing
from gan_core.errors import BadCheckpoint, BadValue, HubError
from gan_core.files import check_whole
from gan_core.models.card import CARD, WEIGHTS, Card, read_card

SCHEME = "hf://"
MAIN = "main"
COMMIT = re.compile(r"[0-9a-f]{40}")
WAIT = 10.0  # seconds for the Hub to answer


@dataclass(frozen=True)
class Address:
    """A model on the Hub: `owner/name`, at a branch, tag or commit."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.repository}" + (f"@{self.revision}" if self.revision != MAIN else "")


def is_address(name: str) -> bool:
    """Whether a model's name is an address on the Hub."""
    return name.startswith(SCHEME)


def address(name: str) -> Address:
    """Parses `hf://...`; raises BadValue."""
    from huggingface_hub import parse_hf_uri
    from huggingface_hub.errors import HfUriError

    try:
        uri = parse_hf_uri(name)
    except HfUriError:
        uri = None
    if uri is None or uri.type != "model" or uri.path_in_repo or ".." in (uri.revision or ""):
        raise BadValue(
            "'{name}' is not a model address. Valid: hf://owner/name or hf://owner/name@revision.", name=name
        )
    return Address(uri.id, uri.revision or MAIN)


def cache() -> Path:
    """The folder of models from the Hub."""
    return paths.home() / "hub"


def card(name: str) -> Card:
    """The card of a model on the Hub, without its weights; raises the same errors as `folder`."""
    wanted = address(name)
    return _card(wanted, _fetched(wanted, (CARD,), silent))


def folder(name: str, progress: Progress = silent) -> Path:
    """The folder of a model from the Hub, named after its commit: card and weights, downloaded if needed.

    Raises BadValue, HubError, StoreError, or BadCheckpoint if the repository holds no complete model of GANscope.
    Weights that don't match their card are deleted, so that a second call fetches them again.
    """
    wanted = address(name)
    found = _fetched(wanted, (CARD,), progress)
    described = _card(wanted, found)
    _fetched(Address(wanted.repository, found.name), (WEIGHTS,), progress)
    try:
        check_whole(found / WEIGHTS, described.sha256)
    except BadCheckpoint:
        _delete(found / WEIGHTS)
        raise
    return found


def downloaded() -> list[str]:
    """The addresses of all downloaded models, without revisions."""
    return [f"{SCHEME}{one.repo_id}" for one in _repositories()]


def folders() -> dict[str, Path]:
    """The folders of all downloaded models by address, without revisions: of the newest commit with card and weights.

    Asks nobody, unlike `folder`.
    """
    found = {}
    for one in _repositories():
        whole = [commit for commit in one.revisions if {CARD, WEIGHTS} <= {file.file_name for file in commit.files}]
        if whole:
            newest = max(whole, key=lambda commit: commit.last_modified)
            found[f"{SCHEME}{one.repo_id}"] = newest.snapshot_path
    return found


def remove(name: str) -> int:
    """Removes all downloaded files of a model by its address without a revision; returns the number of bytes freed."""
    from huggingface_hub import scan_cache_dir

    commits = [commit.commit_hash for one in _repositories() if f"{SCHEME}{one.repo_id}" == name
               for commit in one.revisions]  # fmt: skip
    plan = scan_cache_dir(cache()).delete_revisions(*commits)
    with writing(paths.home()):
        plan.execute()
    return int(plan.expected_freed_size)


def _repositories() -> list[Any]:
    """The models in the cache, by name."""
    if not cache().is_dir():
        return []
    from huggingface_hub import scan_cache_dir

    return sorted(
        (one for one in scan_cache_dir(cache()).repos if one.repo_type == "model"), key=lambda one: one.repo_id
    )


def _card(wanted: Address, found: Path) -> Card:
    """Reads the card in a folder that is named after a commit; errors name the address."""
    try:
        return read_card(found)
    except BadCheckpoint as error:
        raise BadCheckpoint(error.message, **error.values | {"folder": wanted}) from None


def _delete(file: Path) -> None:
    """Deletes a file of the cache: the link in the commit's folder, and its target."""
    target = file.resolve()
    file.unlink(missing_ok=True)
    target.unlink(missing_ok=True)


def _fetched(wanted: Address, names: tuple[str, ...], progress: Progress) -> Path:
    """The folder of the commit, with the named files downloaded."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import LocalEntryNotFoundError, RemoteEntryNotFoundError

    known = _cached(wanted, names)
    if known and COMMIT.fullmatch(wanted.revision):
        return known
    api, found = HfApi(), Path()
    with writing(paths.home()), explained(wanted.repository, wanted.revision):
        try:
            api.model_info(
                wanted.repository, revision=wanted.revision, timeout=WAIT
            )  # otherwise a download retries for 25 seconds
        except Exception as error:
            if known and _unreachable(error):
                return known
            raise
        for name in names:
            try:
                file = api.hf_hub_download(
                    wanted.repository, name, revision=wanted.revision, cache_dir=cache(),
                    tqdm_class=_bar(progress, f"{wanted.repository}: {name}"),
                )  # fmt: skip
            except RemoteEntryNotFoundError:
                raise BadCheckpoint("No model in {folder}: {card} is missing.", folder=wanted, card=name) from None
            except LocalEntryNotFoundError as error:
                raise error.__cause__ or error from None
            found = Path(file).parent
    return found


def _cached(wanted: Address, names: tuple[str, ...]) -> Path | None:
    """The folder of the commit in the cache, if it has all these files."""
    from huggingface_hub import try_to_load_from_cache

    files = [try_to_load_from_cache(wanted.repository, name, cache(), wanted.revision) for name in names]
    return Path(str(files[0])).parent if all(isinstance(file, str) for file in files) else None


def _unreachable(error: Exception) -> bool:
    """Whether the Hub gave no answer, or one that doesn't concern the request."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    if isinstance(error, HfHubHTTPError):
        return error.response.status_code >= 500
    return isinstance(error, (httpx2.TransportError, OfflineModeIsEnabled))


def _bar(progress: Progress, what: str) -> type:
    """A progress bar for huggingface_hub that displays nothing and reports to the callback."""
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options | {"disable": True})
            self.size = options.get("total") or 0

        def update(self, count: float | None = 1) -> None:
            self.n += count or 0
            progress(min(1.0, self.n / self.size) if self.size else 0.0, what)

        def update_transfer(self, count: float | None = 1) -> None:
            """Called by xet, which would otherwise show a second bar for the bytes transferred."""

        def set_transfer_postfix_str(self, text: str = "", refresh: bool = True) -> None:
            """Called by xet with the speed."""

    return Bar


@contextmanager
def explained(repository: str, revision: str = MAIN) -> Iterator[None]:
    """Converts exceptions of huggingface_hub to a HubError that says what to do."""
    import httpx2
    from huggingface_hub.errors import (
        FileMetadataError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        yield
    except RevisionNotFoundError:
        raise HubError(
            "{repository} on the Hub has no branch, tag or commit '{revision}'.",
            repository=repository,
            revision=revision,
        ) from None
    except GatedRepoError:
        raise HubError(
            "{repository} is gated: request access on its Hub page, and use a token (HF_TOKEN or `hf auth login`).",
            repository=repository,
        ) from None
    except RepositoryNotFoundError:
        raise HubError(
            "{repository} doesn't exist on the Hub, or it is private and your token (HF_TOKEN or `hf auth login`) "
            "has no read access.",
            repository=repository,
        ) from None
    except HfHubHTTPError as error:
        raise _refused(repository, error.response.status_code, error.server_message or "") from error
    except (httpx2.RemoteProtocolError, httpx2.ReadError) as error:
        raise _half_way(repository) from error
    except (httpx2.TransportError, OfflineModeIsEnabled) as error:
        raise HubError(
            "The Hub can't be reached ({reason}). Models that were downloaded before work offline.", reason=error
        ) from error
    except FileMetadataError as error:
        raise _no_hub() from error
    except (ConnectionError, TimeoutError, RuntimeError) as error:  # from xet, after all its retries
        raise HubError(
            "The Hub's large file storage failed for {repository} ({reason}). Nothing was kept; try again.",
            repository=repository, reason=error,
        ) from error  # fmt: skip
    except OSError as error:
        if "Consistency check failed" in str(error):
            raise _half_way(repository) from error
        raise
    except json.JSONDecodeError as error:  # e.g. a login page of the network
        raise _no_hub() from error


def _refused(repository: str, status: int, said: str) -> HubError:
    if status == 401:
        return HubError("The Hub rejected your token (HF_TOKEN or `hf auth login`): it is invalid or was revoked.")
    if status == 403:
        return HubError(
            "Your token has no write access to {repository}. {reason}",
            repository=repository, reason=said,
        )  # fmt: skip
    return HubError(
        "The Hub returned status {status} for {repository}. {reason}", status=status, repository=repository, reason=said
    )


def _half_way(repository: str) -> HubError:
    return HubError(
        "The download of {repository} from the Hub was interrupted. Nothing was kept; try again.", repository=repository
    )


def _no_hub() -> HubError:
    from huggingface_hub import constants

    return HubError("The server at {address} is not a Hugging Face Hub.", address=constants.ENDPOINT)
