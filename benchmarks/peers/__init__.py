"""Extractors of others that ours is measured beside, each run in an environment of its own."""

from benchmarks.peers.catalogue import ENVIRONMENTS, PEERS
from benchmarks.peers.conversation import CannotStart, Conversation
from benchmarks.peers.environment import CannotInstall, open_peer, python_of

__all__ = ["ENVIRONMENTS", "PEERS", "CannotInstall", "CannotStart", "Conversation", "open_peer", "python_of"]
