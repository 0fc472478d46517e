"""Images by hand: an OCI layout folder for the local host, and manifests without content for moto."""

import hashlib
import io
import itertools
import json
import pathlib
import platform
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


def bare_manifest(number: int) -> tuple[str, str]:
    """A manifest that is like no other, and its digest. Its blobs exist nowhere."""
    blob = {"size": number, "digest": "sha256:" + f"{number:064x}"}
    manifest = json.dumps({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": CONFIG, **blob},
        "layers": [{"mediaType": LAYER, **blob}],
    })
    return manifest, "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()


class Layout:
    """An OCI layout folder that grows. Source: OCI image layout specification 1.0."""

    def __init__(self, folder: pathlib.Path, program: pathlib.Path):
        self._folder = folder
        self._program = program.read_bytes()
        self._manifests: list[dict] = []
        self._numbers = itertools.count(1)
        (folder / "blobs" / "sha256").mkdir(parents=True)
        (folder / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
        self._write_index()

    def add_function(self) -> str:
        """An image of the test function with a file that makes it like no other: the manifest's digest."""
        number = next(self._numbers)
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as archive:
            for name, content, mode in (("bootstrap", self._program, 0o755), ("number", str(number).encode(), 0o644)):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
        layer_blob = self._blob(LAYER, layer.getvalue())
        config = {
            "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
            "os": "linux",
            "config": {"Entrypoint": ["/bootstrap"]},
            "rootfs": {"type": "layers", "diff_ids": [layer_blob["digest"]]},
        }
        config_blob = self._blob(CONFIG, json.dumps(config).encode())
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_blob, "layers": [layer_blob]}
        descriptor = self._blob(MANIFEST, json.dumps(manifest).encode())
        self._manifests.append(descriptor)
        self._write_index()
        return descriptor["digest"]

    def _blob(self, media_type: str, content: bytes) -> dict:
        digest = hashlib.sha256(content).hexdigest()
        (self._folder / "blobs" / "sha256" / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def _write_index(self) -> None:
        index = {"schemaVersion": 2, "manifests": self._manifests}
        (self._folder / "index.json").write_text(json.dumps(index))
