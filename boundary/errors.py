"""The error of settings that fit each other, but not the data or the machine."""


class SettingsError(ValueError):
    """What is wrong with a setting: one line, "key: found ..., expected ...", to which a program adds the file."""
