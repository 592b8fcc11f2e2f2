"""The section of the configuration file."""


class Config:
    """An extension's section, read by the names of its keys.

    What is wrong with a value is remembered and told after __init__ has returned,
    together with the keys that nobody asked for; so __init__ only asks.
    """

    def __init__(self, name, options):
        self.name = name
        """The namespace: what follows "rpcinterface:" in the section's name."""
        self._options = dict(options)
        self._asked = set()
        self._wrong = []

    def get(self, key, default=None):
        """The value of a key as it is written, or the default."""
        self._asked.add(key)
        return self._options.get(key, default)

    def get_int(self, key, default=None):
        """A value as a decimal number."""
        return self._read(key, default, int, "integer")

    def get_float(self, key, default=None):
        """A value as a number."""
        return self._read(key, default, float, "number")

    def get_bool(self, key, default=None):
        """A value of true, yes, on, 1, false, no, off, 0, in any case."""
        words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
        return self._read(key, default, lambda text: words[text.strip().lower()], "boolean")

    def get_list(self, key, default=()):
        """The elements of a value, separated by commas, without the blanks around them."""
        value = self.get(key)
        if value is None:
            return list(default)
        return [element.strip() for element in value.split(",")] if value else []

    def all(self):
        """Every key of the section with its value, for extensions that take any."""
        self._asked.update(self._options)
        return dict(self._options)

    def _read(self, key, default, read, what):
        value = self.get(key)
        if value is None:
            return default
        try:
            return read(value)
        except (ValueError, KeyError):
            self._wrong.append(f'{key}: "{value}" is no {what}')
            return default

    def complaint(self):
        """What is wrong with the section, "" where nothing is."""
        unknown = [f"unknown option {key}" for key in self._options if key not in self._asked]
        return "; ".join(self._wrong + unknown)
