"""Keeps Streamlit from looking up this computer's external address on the internet, as it does for unknown host
names.
"""

from __future__ import annotations

from streamlit import net_util


def keep() -> None:
    """Makes Streamlit check a visitor's origin without the external address."""
    net_util.get_external_ip = lambda: None


def network_address() -> str | None:
    """Returns the address of this computer in its network; determined without sending anything."""
    address = net_util.get_internal_ip()
    return None if address in (None, "127.0.0.1") else address
