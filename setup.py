"""What pbr leaves over: the catalogues of messages are compiled while a wheel is built."""

from pathlib import Path

import setuptools
from setuptools.command import build_py


class BuildPy(build_py.build_py):
    """Puts the .mo files, which are not in the repository, beside their .po files."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        for source in Path("backup_manager_dashboard").glob("locale/*/LC_MESSAGES/*.po"):
            compile_catalogue(source, Path(self.build_lib) / source.with_suffix(".mo"))


def compile_catalogue(source, target):
    # Not above: only a wheel needs Babel, which pyproject.toml brings then.
    from babel.messages import mofile, pofile

    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as text, target.open("wb") as compiled:
        mofile.write_mo(compiled, pofile.read_po(text))


class Distribution(setuptools.Distribution):
    """Pbr replaces the argument ``cmdclass`` of setup()."""

    def get_command_class(self, command):
        return BuildPy if command == "build_py" else super().get_command_class(command)


setuptools.setup(distclass=Distribution, setup_requires=["pbr>=6.1.1"], pbr=True)
