"""What pyproject.toml cannot say: an installed package carries the recipes and the models of the checkout."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).resolve().parent


class BuildWithRecipesAndModels(build_py):
    """Copies `build/*.toml`, `models/` and the licence to `fpga_flow/shipped/`.

    An editable install has the checkout's.
    """

    def run(self) -> None:
        """Build the package, then add them to it."""
        super().run()
        if self.editable_mode:
            return
        shipped = Path(self.build_lib) / "fpga_flow" / "shipped"
        shutil.rmtree(shipped, ignore_errors=True)
        (shipped / "build").mkdir(parents=True)
        for recipe in sorted((HERE / "build").glob("*.toml")):
            shutil.copyfile(recipe, shipped / "build" / recipe.name)
        for text in ("LICENSE", "NOTICE"):
            shutil.copyfile(HERE / text, shipped / text)
        shutil.copytree(HERE / "models", shipped / "models", ignore=shutil.ignore_patterns("__pycache__"))


setup(
    cmdclass={"build_py": BuildWithRecipesAndModels},
    options={"build": {"build_base": ".build"}},  # not the folder of the recipes
)
