"""`python -m contracts` is `contracts`."""

from contracts.cli import main

if __name__ == "__main__":
    main()
