"""``python -m noria``: the command line."""

from noria.cli import main

if __name__ == "__main__":
    main(prog_name="noria")
