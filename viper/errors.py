"""Every error that ViPER Loop raises on purpose.

    ViperError                     something the user or the operator can act on; the message says
    │                              what was found, what was expected and what to do
    ├── AddressError (ValueError)  a variable of the environment that names no usable folder or server
    ├── ProfileError (ValueError)  a profile that does not exist, does not parse or contradicts itself
    │   └── OlderForm              settings in the form of an earlier version; the message is what to write instead
    ├── PoolError (ValueError)     a pool with no usable images, or with too many unusable ones
    │   └── UnusableImage          one image that is set aside; its reason is one of ``viper.pictures``
    ├── ModelError (OSError)       a model folder that is missing, incomplete or of the wrong class
    ├── EndpointAway (ConnectionError)  servers that do not answer now; asking again may succeed
    ├── SuiteError (ValueError)    an unknown benchmark suite or a malformed benchmark file
    ├── StoreError (OSError)       a store that cannot be read, written or trusted
    │   ├── StoreUnavailable       the store does not answer now; asking again may succeed
    │   └── CorruptArtifact        bytes that do not have the hash they were stored under
    ├── CheckpointMismatch         a checkpoint made by other settings, data or code
    ├── ChampionChanged            the champion was rolled back while a round ran against it
    ├── ApprovalNeeded             a candidate waits until a person approves or rejects it; nothing is wrong
    ├── Collapsed                  data or training collapsed: a verdict on the round, not a failure of it
    ├── TrainingFailed             the training process ended without a result
    ├── WorkerLost                 a process that worked off shards is gone; another does its shard again
    └── ServiceFailed              a server or worker that does not start, or refuses what it is told

Errors cross process boundaries, so each is built from plain values and survives pickling.
"""


class ViperError(Exception):
    """Base of all errors with a message meant for the person who runs the loop."""


class AddressError(ViperError, ValueError):
    """A variable of the environment names a folder or a server that cannot be used."""


class ProfileError(ViperError, ValueError):
    """A profile is missing, does not parse, or its values contradict each other."""


class OlderForm(ProfileError):
    """Settings have the form of an earlier version. The message has several lines: what to write, ready to paste."""


class PoolError(ViperError, ValueError):
    """The image pool has nothing usable, or more unusable images than the profile accepts."""


class UnusableImage(PoolError):
    """One image is set aside.

    Args:
        reason: One of those that ``viper.pictures`` names.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"The image is set aside: {self.reason}."


class ModelError(ViperError, OSError):
    """A model folder is missing, incomplete, or holds another kind of model."""


class EndpointAway(ViperError, ConnectionError):
    """The servers that generate do not answer at the moment. Worth a retry, as ``StoreUnavailable`` is."""


class SuiteError(ViperError, ValueError):
    """A benchmark suite is unknown, or its file lacks a column or holds a broken row."""


class StoreError(ViperError, OSError):
    """The object store cannot be read, written or trusted."""


class StoreUnavailable(StoreError):
    """The object store does not answer at the moment. The only store error worth a retry."""


class CorruptArtifact(StoreError):
    """Stored bytes do not hash to the name they were stored under.

    Args:
        message: What was found.
        key: The key of the artifact that holds the bytes; empty if unknown.
    """

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key

    def __reduce__(self) -> tuple[type["CorruptArtifact"], tuple[str, str]]:
        return (type(self), (str(self), self.key))


class CheckpointMismatch(ViperError, ValueError):
    """A training checkpoint belongs to other settings, other data or another code version."""


class ChampionChanged(ViperError, RuntimeError):
    """The champion that a round was compared with is no longer the champion."""


class LessonLeftOut(ViperError, ValueError):
    """A round left too few samples of a lesson. It goes on with the others, and collapses if there are none."""


class ApprovalNeeded(ViperError, RuntimeError):
    """A round's candidate waits until a person approves or rejects it. Nothing is wrong, and nothing is lost.

    Args:
        message: Who waits for what, and what to do.
        question: Hash of what is to be decided, as in ``storage.ledger.approvals``.
        page: The comparison as Markdown, for whoever decides.
    """

    def __init__(self, message: str, question: str = "", page: str = "") -> None:
        super().__init__(message)
        self.question, self.page = question, page

    def __reduce__(self) -> tuple[type["ApprovalNeeded"], tuple[str, str, str]]:
        return (type(self), (str(self), self.question, self.page))


class Collapsed(ViperError, ValueError):
    """A figure fell below, or rose above, what the profile calls a collapse. It ends the round with that verdict."""


class TrainingFailed(ViperError, RuntimeError):
    """The training process died, hung, or ended without writing its result."""


class WorkerLost(ViperError, RuntimeError):
    """A process that worked off shards ended or cannot be reached. What it had finished is kept."""


class ServiceFailed(ViperError, RuntimeError):
    """A server or worker does not start, ends by itself while it starts, or refuses what it is told."""
