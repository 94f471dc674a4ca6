"""Two trainings in one process by turns: an epoch of one, then an epoch of the other.

The speed of a shared computer changes by a tenth within seconds. Whole trainings, one after the
other, meet different speeds; epochs by turns meet the same.
"""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

_own = threading.local()


class _Queue:
    """Threads in the order of their turns; only the first one works."""

    def __init__(self, players):
        self._players = deque(players)
        self._changed = threading.Condition()

    def await_turn(self, player):
        with self._changed:
            self._changed.wait_for(lambda: self._players[0] == player)

    def pass_on(self, player):
        with self._changed:
            self._players.rotate(-1)
            self._changed.notify_all()
        self.await_turn(player)

    def leave(self, player):
        with self._changed:
            self._players.remove(player)
            self._changed.notify_all()


def by_turns(*functions):
    """Call functions in threads of which one works at a time, and return their results.

    A function hands over with `between_epochs()`; one that never does runs in one piece.
    """
    queue = _Queue(range(len(functions)))

    def play(player):
        queue.await_turn(player)
        _own.hand_over = lambda: queue.pass_on(player)
        try:
            return functions[player]()
        finally:
            queue.leave(player)

    with ThreadPoolExecutor(len(functions)) as threads:
        return list(threads.map(play, range(len(functions))))


def between_epochs():
    """Let the other training of `by_turns` work; elsewhere do nothing."""
    hand_over = getattr(_own, "hand_over", None)
    if hand_over is not None:
        hand_over()
