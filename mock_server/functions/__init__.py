"""Value functions that a document may name; the one place that may know a field of knowledge."""

from mock_server.functions import choice, filter, media, phone, sign, text
from mock_server.functions.registry import FUNCTIONS, register

__all__ = ["FUNCTIONS", "choice", "filter", "media", "phone", "register", "sign", "text"]
