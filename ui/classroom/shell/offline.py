"""Keeps Streamlit from asking the internet for this computer's address, as it does for visitors by unknown names."""

from __future__ import annotations

from streamlit import net_util


def keep() -> None:
    """Streamlit's check of a visitor's origin goes on without the external address."""
    net_util.get_external_ip = lambda: None


def network_address() -> str | None:
    """How others in the same network reach this computer; found without sending anything."""
    address = net_util.get_internal_ip()
    return None if address in (None, "127.0.0.1") else address
