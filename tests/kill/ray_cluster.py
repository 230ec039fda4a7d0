"""A Ray cluster of several raylets on this machine, and kills of what runs on it."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

ACTOR = "ray::ShardWorker"
"""How Ray names the processes of our actors."""
ACTOR_WITHIN_S = 600
"""So long a run may take to its next phase, in seconds."""
HEAD_CPUS = 0
"""The head takes the driver alone, so that a node that dies has actors and never the driver's raylet."""


class Raylets:
    """Nodes of a cluster, each with room for one actor."""

    def __init__(self, nodes: int) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": HEAD_CPUS, "object_store_memory": 80 * 2**20, "include_dashboard": False},
        )
        self._nodes = [self.add_node() for _ in range(nodes)]
        self._cluster.wait_for_nodes()

    @property
    def address(self) -> str:
        return str(self._cluster.address)

    def add_node(self) -> Any:
        return self._cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20)

    def actors(self) -> list[int]:
        """The processes of all actors that are there."""
        return [pid for node in self._nodes for pid in actors_of(raylet_of(node))]

    def wait_for_actor(self) -> int:
        """The process of an actor, as soon as there is one."""
        deadline = time.monotonic() + ACTOR_WITHIN_S
        while not (found := self.actors()):
            assert time.monotonic() < deadline, "no actor is there"
            time.sleep(0.05)
        return found[0]

    def wait_until_gone(self, pids: list[int]) -> None:
        while set(pids) & set(self.actors()):
            time.sleep(0.05)

    def kill_actor(self) -> int:
        """Kill an actor, as soon as there is one. Returns its process."""
        pid = self.wait_for_actor()
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_node(self) -> list[int]:
        """Kill a node that has an actor, and put another in its place. Returns the processes of its actors."""
        while True:
            self.wait_for_actor()
            for node in self._nodes:
                if found := actors_of(raylet_of(node)):
                    self._cluster.remove_node(node, allow_graceful=False)
                    self._nodes.remove(node)
                    self._nodes.append(self.add_node())
                    return found

    def shut_down(self) -> None:
        self._cluster.shutdown()


def raylet_of(node: Any) -> int:
    """The process that is a node."""
    return int(node.all_processes["raylet"][0].process.pid)


def actors_of(raylet: int) -> list[int]:
    """The processes of actors under a raylet."""
    try:
        children = psutil.Process(raylet).children()
        return sorted(child.pid for child in children if " ".join(child.cmdline()).startswith(ACTOR))
    except psutil.NoSuchProcess:
        return []


@contextmanager
def raylets(nodes: int) -> Iterator[Raylets]:
    """A cluster while the context lasts."""
    found = Raylets(nodes)
    try:
        yield found
    finally:
        found.shut_down()
