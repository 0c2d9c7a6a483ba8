"""authenticate → parse → validate → enforce → handle → respond: one stage, one module."""
