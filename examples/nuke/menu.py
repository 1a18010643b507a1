"""A menu entry for Nuke: publishes the frame under the viewer's cursor as a Version's thumbnail, while Nuke stays alive.

NOT RUN in this project's tests, which have no Nuke: its functions are those of Nuke's public documentation. Put it, with ../python/shotgrid.py beside
it, on NUKE_PATH. Who signs in is taken from the environment: SHOTGRID_SITE, SHOTGRID_LOGIN, SHOTGRID_PASSWORD.
"""

import os
import threading

import nuke

import shotgrid


def publish():
    code = nuke.getInput("Shot", "SQ010_0010")
    if not code:
        return
    picture = os.path.join(os.environ.get("NUKE_TEMP_DIR", "/tmp"), "shotgrid_%s.png" % os.getpid())
    write = nuke.nodes.Write(file=picture, file_type="png", inputs=[nuke.selectedNode()])
    try:
        nuke.execute(write, nuke.frame(), nuke.frame())
    finally:
        nuke.delete(write)
    # The library waits on a thread of its own, with Python's lock released; what is shown is shown by Nuke's main thread.
    threading.Thread(target=send, args=(code, picture), daemon=True).start()


def send(code, picture):
    try:
        with shotgrid.Client.connect_user(*(os.environ["SHOTGRID_" + name] for name in ("SITE", "LOGIN", "PASSWORD"))) as site:
            shot = site.find_one("Shot", [["code", "is", code]], ["project"])
            if shot is None:
                return tell("There is no shot %s" % code)
            link = {"type": "Shot", "id": shot["id"]}
            version = site.create("Version", {"project": shot["project"], "entity": link, "code": code + "_nuke"})
            site.upload_thumbnail("Version", version["id"], picture)
        tell("Published %s_nuke" % code)
    except shotgrid.PermissionRefused as refusal:
        tell("Your role %s may not %s %s" % (refusal.role or "", refusal.operation, refusal.entity_type))
    except shotgrid.Error as error:
        tell("%s: %s" % (error.name, error))


def tell(text):
    nuke.executeInMainThread(nuke.message, args=(text,))


nuke.menu("Nuke").addCommand("ShotGrid/Publish Frame", publish)
