"""A document becomes compiled, frozen values."""

from mock_server.spec.compiler import compile_source, default_document_path, load_document
from mock_server.spec.model import Document

__all__ = ["Document", "compile_source", "default_document_path", "load_document"]
