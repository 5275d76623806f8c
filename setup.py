"""What pbr leaves over: compiled catalogues of messages, and packages that can be reproduced.

The same commit and SOURCE_DATE_EPOCH give the same bytes, whoever builds, wherever and whenever.
"""

import gzip
import io
import os
import tarfile
import time
from datetime import datetime, timezone
from pathlib import Path

import setuptools
from setuptools.command import build_py


class BuildPy(build_py.build_py):
    """Puts the .mo files, which are not in the repository, beside their .po files."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        set_modes(Path(self.build_lib))
        for source in Path("backup_manager_dashboard").glob("locale/*/LC_MESSAGES/*.po"):
            compile_catalogue(source, Path(self.build_lib) / source.with_suffix(".mo"))


class ReproducibleWheel:
    """Mixed into bdist_wheel."""

    def write_wheelfile(self, directory, *args, **kwargs):
        super().write_wheelfile(directory, *args, **kwargs)
        set_modes(Path(directory))


class ReproducibleSdist:
    """Mixed into pbr's sdist."""

    def make_archive(self, *args, **kwargs):
        path = super().make_archive(*args, **kwargs)
        normalize(Path(path))
        return path


def normalize(path):
    """Take what differs from builder to builder out of a .tar.gz: times, owners, modes, order."""
    members = {}
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            members[member.name] = member, content and content.read()
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=epoch()) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for name in sorted(members):
            add(archive, *members[name])


def add(archive, member, content):
    entry = tarfile.TarInfo(member.name)
    entry.type, entry.size, entry.mtime = member.type, member.size, epoch()
    entry.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    archive.addfile(entry, None if content is None else io.BytesIO(content))


def set_modes(directory):
    """What the umask of whoever builds had a say in."""
    for path in directory.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def epoch():
    """Seconds since 1970; now when SOURCE_DATE_EPOCH does not say."""
    return int(os.environ.get("SOURCE_DATE_EPOCH") or time.time())


def compile_catalogue(source, target):
    # Not above: only a wheel needs Babel, which pyproject.toml brings then.
    from babel.messages import mofile, pofile

    target.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as text, target.open("wb") as compiled:
        catalogue = pofile.read_po(text)
        # Babel writes them down, and takes the present where the file has none.
        catalogue.creation_date = datetime.fromtimestamp(epoch(), timezone.utc)
        catalogue.revision_date = catalogue.creation_date
        mofile.write_mo(compiled, catalogue)
    target.chmod(0o644)


class Distribution(setuptools.Distribution):
    """Pbr replaces the argument ``cmdclass`` of setup(), and knows no expression of licences."""

    def parse_config_files(self, *args, **kwargs):
        super().parse_config_files(*args, **kwargs)
        self.express_license()

    def finalize_options(self):
        super().finalize_options()
        self.express_license()

    def express_license(self):
        # From setuptools 77 on. Until then the old field says the same.
        if hasattr(self.metadata, "license_expression") and self.metadata.license:
            self.metadata.license_expression = self.metadata.license
            self.metadata.license = None

    def get_command_class(self, command):
        if command == "build_py":
            return BuildPy
        found = super().get_command_class(command)
        mixin = {"sdist": ReproducibleSdist, "bdist_wheel": ReproducibleWheel}.get(command)
        return type(command, (mixin, found), {}) if mixin else found


setuptools.setup(distclass=Distribution, setup_requires=["pbr>=6.1.1"], pbr=True)
