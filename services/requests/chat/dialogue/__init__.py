"""The conversation: from one message to the next, with nothing filed that was not read back and agreed to."""

from services.requests.chat.dialogue.state import Act, Draft, Effect, State, Step, UnknownVersion
from services.requests.chat.dialogue.talk import ask, close, file_all, step

__all__ = ["Act", "Draft", "Effect", "State", "Step", "UnknownVersion", "ask", "close", "file_all", "step"]
