"""Packaging: the repository's top-level folders become one import namespace, `ibc`."""

import pathlib

import setuptools
from setuptools.command import build_py

ROOT = pathlib.Path(__file__).parent

# Folder of the repository -> package it is imported as.
FOLDERS = {
    "ibc": "ibc",
    "environments": "ibc.environments",
    "data": "ibc.data",
    "networks": "ibc.networks",
    "configs": "ibc.configs",
}


def find_packages() -> list[str]:
    """Lists every package of the namespace, subfolders included."""
    packages = []
    for folder, package in FOLDERS.items():
        packages.append(package)
        found = setuptools.find_packages(str(ROOT / folder))
        packages.extend(f"{package}.{name}" for name in found)
    return packages


class BuildWithoutTests(build_py.build_py):
    """Leaves the tests, which stand beside their modules, out of wheels."""

    def find_package_modules(self, package: str, package_dir: str) -> list[tuple[str, str, str]]:
        """Lists the modules of a package, without its tests."""
        modules = super().find_package_modules(package, package_dir)
        return [module for module in modules if not module[1].endswith("_test")]


setuptools.setup(
    cmdclass={"build_py": BuildWithoutTests},
    version="0.1.0",
    description="Implicit behavioral cloning: energy-based policies on TensorFlow",
    long_description=(ROOT / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_packages(),
    package_dir={package: folder for folder, package in FOLDERS.items()},
    package_data={
        "ibc": ["py.typed"],
        "ibc.configs": ["*/*.gin"],
        "ibc.environments.block_pushing": ["assets/*"],
    },
    # TF-Agents is not listed: its published pins exclude current TensorFlow, so a resolver
    # would refuse the set. `pip install --no-deps -r requirements.txt` installs it.
    install_requires=[
        "absl-py",
        "gin-config",
        "gymnasium>=1.2,<2",
        "imageio-ffmpeg",
        "matplotlib",
        "mediapy",
        "numpy<2 ; python_version < '3.13'",
        "numpy==2.2.* ; python_version >= '3.13'",
        "pillow",
        "scipy",
        "tensorboard",
        "tensorflow==2.21.*",
        "tensorflow-probability==0.25.*",
        "tf-keras==2.21.*",
        "tqdm",
    ],
    extras_require={
        "block-pushing": ["pybullet==3.2.7"],
        "d4rl": ["gymnasium-robotics==1.4.*", "h5py", "mujoco>=3.3,<3.5"],
        # onnxruntime's later versions need Python 3.11.
        "deploy": ["ai-edge-litert", "onnx", "onnxruntime==1.23.*", "tf2onnx>=1.17"],
        # gym-pusht asks for opencv-python; its later versions need NumPy 2.
        "pusht": [
            "gym-pusht==0.1.8",
            "opencv-python==4.11.*",
            "pygame>=2.6,<2.7",
            "pymunk>=6.6,<7",
            "shapely>=2.0.3,<2.2",
        ],
        # It pins MuJoCo 3.3.0, but runs on 3.4.0, too.
        "metaworld": ["metaworld==3.1.1"],
        # Later versions of pyarrow need Python 3.11, and of av too.
        "lerobot": ["av==16.*", "pyarrow>=21,<23"],
        "gpu": ["tensorflow[and-cuda]==2.21.*"],
        "ray": ["ray"],
        "robomimic": ["h5py"],
        "robosuite": ["h5py", "robosuite==1.5.*"],
        "slurm": ["submitit"],
        # The release for this MuJoCo.
        "suite": ["dm-control==1.0.36", "mujoco==3.4.*"],
        "tune": ["optuna>=4,<6"],
        "zarr": ["zarr<3"],
        "docs": ["latex2mathml==3.*", "mkdocs-material==9.*"],
        "dev": ["mypy", "psutil", "pytest", "ruff"],
    },
    entry_points={
        "console_scripts": [
            "ibc-train-eval = ibc.train_eval:run",
            "ibc-online-train-eval = ibc.online_train_eval:run",
            "ibc-train-ncsn = ibc.train_ncsn:run",
            "ibc-train-video-encoder = ibc.train_video_encoder:run",
            "ibc-policy-eval = ibc.data.policy_eval:run",
            "ibc-generate-videos = ibc.data.generate_videos:run",
            "ibc-data = ibc.data.ibc_data:run",
            "ibc-info = ibc.info:run",
            "ibc-export = ibc.export_policy:run",
            "ibc-policy-bench = ibc.policy_bench:run",
            "ibc-open-loop = ibc.open_loop.__main__:run",
            "ibc-landscape = ibc.landscape.__main__:run",
            "ibc-report = ibc.report.__main__:run",
            "ibc-benchmark = ibc.benchmark.__main__:run",
            "ibc-tune = ibc.tune.__main__:run",
        ]
    },
)
