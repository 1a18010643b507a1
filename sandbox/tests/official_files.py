"""Uploads, thumbnails and downloads, by the official client. `official_client.py` runs these checks with its own."""

import os
import struct
import tempfile
import time
import urllib.request
import zlib

from shotgun_api3 import ShotgunError
from shotgun_api3 import shotgun as implementation

PROJECT = {"type": "Project", "id": 1}


def png(path, width=800, height=400):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\x20\x80\xe0" * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def made(client, entity_type, entity_id, field="image"):
    for _ in range(100):
        url = client.find_one(entity_type, [["id", "is", entity_id]], [field])[field]
        if url and "transient" not in url:
            return url
        time.sleep(0.05)
    raise AssertionError(f"the thumbnail stays {url!r}")


def add(check, equal, refused):
    @check
    def files_go_up_and_come_down(site):
        client = site.script()
        version = client.create("Version", {"project": PROJECT, "code": "FILES_010"})
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "Noël ご a+b.mov")
            content = os.urandom(300_000)
            with open(path, "wb") as file:
                file.write(content)
            attachment = client.upload("Version", version["id"], path, "sg_uploaded_movie", "Dailies é", "a, b")
            movie = client.find_one("Version", [["id", "is", version["id"]]], ["sg_uploaded_movie"])["sg_uploaded_movie"]
            equal((movie["type"], movie["id"], movie["link_type"], movie["name"]), ("Attachment", attachment, "upload", "Dailies é"))
            equal(movie["content_type"], "video/quicktime")
            row = client.find_one("Attachment", [["id", "is", attachment]], ["file_size", "original_fname", "tag_list", "project", "created_by"])
            equal((row["file_size"], row["original_fname"], row["tag_list"]), (300_000, "Noël ご a+b.mov", ["a", "b"]))
            equal((row["project"]["id"], row["created_by"]["type"]), (1, "ApiUser"))
            equal(client.download_attachment(attachment), content)
            equal(client.download_attachment(movie), content)
            saved = client.download_attachment({"type": "Attachment", "id": attachment}, os.path.join(folder, "saved"))
            with open(saved, "rb") as file:
                equal(file.read(), content)
            request = urllib.request.Request(movie["url"], headers={"Range": "bytes=10-19"})
            with urllib.request.urlopen(request) as reply:
                equal((reply.status, reply.read()), (206, content[10:20]))
            note = client.create("Note", {"project": PROJECT, "subject": "Files"})
            attached = client.upload("Note", note["id"], path)
            equal([link["id"] for link in client.find_one("Note", [["id", "is", note["id"]]], ["attachments"])["attachments"]], [attached])
            refused(ShotgunError, "does not exist", client.upload, "Version", 1_000_000, path, "sg_uploaded_movie")
            refused(ShotgunError, "400", client.download_attachment, 1_000_000)

    @check
    def thumbnails_are_pending_then_made(site):
        client = site.script()
        with tempfile.TemporaryDirectory() as folder:
            path = png(os.path.join(folder, "frame.png"))
            version = client.create("Version", {"project": PROJECT, "code": "FILES_020", "image": path, "filmstrip_image": path})
            assert "/thumbnail_pending.png" in version["image"], version
            url = made(client, "Version", version["id"])
            with urllib.request.urlopen(url) as reply:
                body = reply.read()
            equal((reply.headers["content-type"], body[:2]), ("image/jpeg", b"\xff\xd8"))
            made(client, "Version", version["id"], "filmstrip_image")
            shot = client.create("Shot", {"project": PROJECT, "code": "FILES_020"})
            client.share_thumbnail([{"type": "Shot", "id": shot["id"]}], source_entity={"type": "Version", "id": version["id"]})
            assert "/thumbnails/" in made(client, "Shot", shot["id"])
            equal(client.update("Version", version["id"], {"image": None}), {"type": "Version", "id": version["id"], "image": None})
            equal(client.find_one("Version", [["id", "is", version["id"]]], ["filmstrip_image"])["filmstrip_image"], None)
            client.upload_thumbnail("Shot", shot["id"], path)
            client.upload_filmstrip_thumbnail("Shot", shot["id"], path)
            equal(client.share_thumbnail([shot], source_entity={"type": "Version", "id": version["id"]}), None)

    @check
    def files_go_straight_to_the_storage(site):
        client = site.script()
        info = client.server_info
        # The endpoints are there whatever `info` says: the client is told to use them.
        info["s3_direct_uploads_enabled"], info["s3_enabled_upload_types"] = True, {"*": "*"}
        version = client.create("Version", {"project": PROJECT, "code": "FILES_030"})
        size = implementation.Shotgun._MULTIPART_UPLOAD_CHUNK_SIZE
        implementation.Shotgun._MULTIPART_UPLOAD_CHUNK_SIZE = 100_000
        try:
            with tempfile.TemporaryDirectory() as folder:
                for length in (1_000, 100_000, 250_001):
                    path = os.path.join(folder, f"{length}.bin")
                    content = os.urandom(length)
                    with open(path, "wb") as file:
                        file.write(content)
                    attachment = client.upload("Version", version["id"], path, "sg_uploaded_movie")
                    equal(client.download_attachment(attachment), content)
                client.upload_thumbnail("Version", version["id"], png(os.path.join(folder, "frame.png")))
                made(client, "Version", version["id"])
        finally:
            implementation.Shotgun._MULTIPART_UPLOAD_CHUNK_SIZE = size
