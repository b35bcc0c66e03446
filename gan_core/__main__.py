"""`python -m gan_core`: the same as `ganscope`."""

from gan_core.cli import main

if __name__ == "__main__":
    main()
