"""The programs of dvc.yaml, one per stage: parse arguments, read files, call the library, write files."""
