"""A stub server that is driven by one OpenAPI document and keeps every rule the document states."""
